/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The bytes of a body of the soak, made from the id of its request: so every byte of an answer
 * shows whose it is, at whichever place, and nothing has to be kept to compare with. Pure
 * functions. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The eight bytes at 8 * index of the body of that id (the finalizer of splitmix64). */
static inline uint64_t
pattern_word (uint64_t id, uint64_t index)
{
  uint64_t x = id * UINT64_C (0x9e3779b97f4a7c15) + index;

  x = (x ^ (x >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C (0x94d049bb133111eb);
  return x ^ (x >> 31);
}

/* The n bytes from offset on. */
static inline void
pattern_fill (char *bytes, size_t n, uint64_t id, uint64_t offset)
{
  for (size_t done = 0; done < n;)
    {
      uint64_t word = pattern_word (id, (offset + done) / 8);
      size_t skip = (offset + done) % 8, piece = 8 - skip < n - done ? 8 - skip : n - done;

      memcpy (bytes + done, (const char *) &word + skip, piece);
      done += piece;
    }
}
