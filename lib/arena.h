/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Arena: memory of one request, handed out from one fixed block and taken back all at once.
 * Overflow is sticky: allocations then answer NULL and the caller asks p2p_arena_overflowed ()
 * once, at the end. One thread at a time: the worker that has the request. */
#pragma once

#include "lib/span.h"

#include <stdarg.h>

typedef struct
{
  char *block; /* (borrowed: whoever called init) */
  size_t size;
  size_t used;
  bool overflow;
} P2pArena;

void p2p_arena_init (P2pArena *arena, void *block, size_t size);
void p2p_arena_clear (P2pArena *arena);

/* Aligned to 16 bytes, not zeroed; NULL when the arena is full. */
void *p2p_arena_alloc (P2pArena *arena, size_t size);
/* A NUL-terminated copy; P2P_SPAN_NONE when the arena is full. */
P2pSpan p2p_arena_copy (P2pArena *arena, P2pSpan span);
P2pSpan p2p_arena_printf (P2pArena *arena, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

static inline bool
p2p_arena_overflowed (const P2pArena *arena)
{
  return arena->overflow;
}
