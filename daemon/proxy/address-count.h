/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* How many connections there are from each client address: one entry an address, as long as it has
 * any. The acceptor enters, whoever ends a connection leaves: any thread, short locks. */
#pragma once

#include <sys/socket.h>

typedef struct AddressCount AddressCount;

void address_counts_setup (void);
/* All have left. */
void address_counts_teardown (void);

/* One more connection from there; *ret_n: how many there are, with this one. IPv4 counts by the
 * address, also where it is mapped into IPv6; IPv6 by its first 64 bits, which is what one
 * subscriber has. NULL for what has no address (Unix sockets). */
AddressCount *address_count_enter (const struct sockaddr *peer, unsigned *ret_n);
/* Accepts NULL. */
void address_count_leave (AddressCount *count);
