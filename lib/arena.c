/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Arena. One thread at a time. */
#include "lib/arena.h"

#include <glib.h>
#include <stdio.h>

#define ALIGNMENT ((size_t) 16)

void
p2p_arena_init (P2pArena *arena, void *block, size_t size)
{
  g_assert ((uintptr_t) block % ALIGNMENT == 0);
  *arena = (P2pArena){ .block = block, .size = size };
}

void
p2p_arena_clear (P2pArena *arena)
{
  arena->used = 0;
  arena->overflow = false;
}

void *
p2p_arena_alloc (P2pArena *arena, size_t size)
{
  size_t rounded = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
  void *p;

  if (rounded < size || rounded > arena->size - arena->used)
    {
      arena->overflow = true;
      return NULL;
    }
  p = arena->block + arena->used;
  arena->used += rounded;
  return p;
}

P2pSpan
p2p_arena_copy (P2pArena *arena, P2pSpan span)
{
  char *p = p2p_arena_alloc (arena, span.n + 1);

  if (!p)
    return P2P_SPAN_NONE;
  if (span.n > 0)
    memcpy (p, span.p, span.n);
  p[span.n] = '\0';
  return (P2pSpan){ p, span.n };
}

P2pSpan
p2p_arena_printf (P2pArena *arena, const char *format, ...)
{
  char *at = arena->block + arena->used;
  size_t room = arena->size - arena->used;
  va_list args;
  int n;

  va_start (args, format);
  n = vsnprintf (at, room, format, args);
  va_end (args);
  g_assert (n >= 0);
  if (!p2p_arena_alloc (arena, (size_t) n + 1))
    return P2P_SPAN_NONE;
  return (P2pSpan){ at, (size_t) n };
}
