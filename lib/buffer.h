/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Buffers of one size, borrowed from a free list for as long as they hold bytes, so that an idle
 * connection holds none and a busy one never allocates. Any thread; a buffer may be given back by
 * another thread than the one that took it. */
#pragma once

#include <stddef.h>

/* Four full TLS records with what encryption adds to each. */
#define P2P_BUFFER_SIZE ((size_t) 4 * (16384 + 256))

/* Not zeroed. */
void *p2p_buffer_take (void);
/* Accepts NULL. */
void p2p_buffer_give (void *take_buffer);
