/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The address of a server as a person types it, made into the one URL under which its profile, pin
 * and token are kept. Any thread; no state. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum
{
  P2P_ADDRESS_PORT = 8081, /* of an address without scheme and port */
};

typedef struct
{
  char *url;  /* (owned) "https://HOST:PORT", host in lower case, IPv6 in brackets, the port always
                 there */
  char *host; /* (owned) without brackets */
  uint16_t port;
} P2pAddress;

/* Takes host, host:port, [v6]:port, a bare IPv6 address or an https URL without path. An https URL
 * without a port means 443, as everywhere. */
P2pAddress *p2p_address_parse (const char *text, GError **error);
P2pAddress *p2p_address_copy (const P2pAddress *address);
void p2p_address_free (P2pAddress *address);

/* What a person needs to see: without scheme, and without the usual port. Caller owns. */
char *p2p_address_dup_display (const P2pAddress *address);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (P2pAddress, p2p_address_free)
