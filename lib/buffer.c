/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The free list of buffers: last in, first out, so that what is taken next is still in the cache.
 * It keeps at most KEPT_MAX, the rest goes back to the allocator. Any thread; all is guarded by
 * `lock`. */
#include "lib/buffer.h"

#include "lib/lock.h"

#include <glib.h>

/* Address sanitizer must see every use of a buffer that was given back: nothing is kept then. */
#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define KEPT_MAX 0
#else
#define KEPT_MAX 128
#endif

typedef struct Free Free;
struct Free
{
  Free *next; /* (owned) (nullable) */
};

static P2pMutex lock = { .mutex = PTHREAD_MUTEX_INITIALIZER, .lock_class = P2P_LOCK_BUFFERS };
static Free *kept; /* (owned) (nullable) (lock: lock) */
static unsigned n_kept; /* (lock: lock) */

void *
p2p_buffer_take (void)
{
  Free *buffer;

  p2p_mutex_lock (&lock);
  buffer = kept;
  if (buffer)
    {
      kept = buffer->next;
      n_kept--;
    }
  p2p_mutex_unlock (&lock);
  return buffer ? buffer : g_malloc (P2P_BUFFER_SIZE);
}

void
p2p_buffer_give (void *take_buffer)
{
  Free *buffer = take_buffer;

  if (!buffer)
    return;
  p2p_mutex_lock (&lock);
  if (n_kept + 1 <= KEPT_MAX) /* so said, zero draws no warning */
    {
      buffer->next = kept;
      kept = buffer;
      n_kept++;
      buffer = NULL;
    }
  p2p_mutex_unlock (&lock);
  g_free (buffer);
}
