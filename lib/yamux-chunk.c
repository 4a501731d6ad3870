/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Chunks: buffer in two sizes for what Yamux streams hold, so that a few bytes never pin a large
 * block. Freed ones stay, up to a limit, in lists that all sessions share: a stream that moves
 * bytes allocates nothing. Any thread; the lists are guarded by spare_lock. */
#include "lib/yamux-priv.h"

#include <glib.h>

typedef struct
{
  YamuxChunk *first; /* (owned) (nullable) (lock: spare_lock) */
  unsigned n;        /* (lock: spare_lock) */
  unsigned max;
} SpareList;

static P2pMutex spare_lock = { .mutex = PTHREAD_MUTEX_INITIALIZER, .lock_class = P2P_LOCK_BUFFERS };
static SpareList spare_small = { .max = 256 };
static SpareList spare_large = { .max = 128 };

static SpareList *
spare_list (size_t size)
{
  return size == YAMUX_CHUNK_SMALL ? &spare_small : &spare_large;
}

YamuxChunk *
yamux_chunk_new (size_t wanted)
{
  uint32_t size = wanted <= YAMUX_CHUNK_SMALL ? YAMUX_CHUNK_SMALL : YAMUX_CHUNK_LARGE;
  SpareList *list = spare_list (size);
  YamuxChunk *chunk;

  p2p_mutex_lock (&spare_lock);
  chunk = list->first;
  if (chunk)
    {
      list->first = chunk->next;
      list->n--;
    }
  p2p_mutex_unlock (&spare_lock);

  if (!chunk)
    chunk = g_malloc (sizeof *chunk + size);
  chunk->next = NULL;
  chunk->size = size;
  chunk->start = chunk->end = 0;
  return chunk;
}

void
yamux_chunk_free (YamuxChunk *chunk)
{
  SpareList *list;

  if (!chunk)
    return;
  list = spare_list (chunk->size);
  p2p_mutex_lock (&spare_lock);
  if (list->n < list->max)
    {
      chunk->next = list->first;
      list->first = chunk;
      list->n++;
      chunk = NULL;
    }
  p2p_mutex_unlock (&spare_lock);
  g_free (chunk);
}

void
yamux_chunks_push (YamuxChunks *chunks, YamuxChunk *take_chunk)
{
  if (chunks->tail)
    chunks->tail->next = take_chunk;
  else
    chunks->head = take_chunk;
  chunks->tail = take_chunk;
}

YamuxChunk *
yamux_chunks_pop (YamuxChunks *chunks)
{
  YamuxChunk *chunk = chunks->head;

  if (!chunk)
    return NULL;
  chunks->head = chunk->next;
  if (!chunks->head)
    chunks->tail = NULL;
  chunk->next = NULL;
  return chunk;
}

void
yamux_chunks_clear (YamuxChunks *chunks)
{
  for (YamuxChunk *chunk; (chunk = yamux_chunks_pop (chunks));)
    yamux_chunk_free (chunk);
}
