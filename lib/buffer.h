/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Buffers of one size, borrowed from a free list for as long as they hold bytes, so that an idle
 * connection holds none and a busy one never allocates. Any thread; a buffer may be given back by
 * another thread than the one that took it. */
#pragma once

#include <stddef.h>

/* Four full TLS records with what encryption adds to each. */
#define P2P_BUFFER_SIZE ((size_t) 4 * (16384 + 256))

/* What is read at once to be passed on. As four frames of a tunnel in four TLS records it is just
 * less, TCP's and IP's headers included, than the 64 KiB that IP carries in one piece and the kernel
 * passes on as one whatever the MTU is. A little more would leave a frame, a record, a call and a
 * packet for the rest of each. */
#define P2P_PASS_SIZE ((size_t) 4 * 16320)

/* Not zeroed. */
void *p2p_buffer_take (void);
/* Accepts NULL. */
void p2p_buffer_give (void *take_buffer);
