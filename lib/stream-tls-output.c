/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What a TLS stream has encrypted and not yet sent: chunks that GnuTLS appends to under the lock,
 * and whose sender writes them to the stream below without it. See stream-tls-priv.h for who owns
 * what. Any thread that has the stream enters. */
#include "lib/stream-tls-priv.h"

#include "lib/buffer.h"

#include <glib.h>

#define CHUNK_BYTES (P2P_BUFFER_SIZE - sizeof (P2pTlsChunk))
/* One try's records and the handshake messages of a peer that does not read. */
#define CHUNKS_MAX 3

static void
add_chunk_locked (P2pTls *tls)
{
  P2pTlsChunk *chunk = p2p_buffer_take ();

  chunk->next = NULL;
  chunk->start = chunk->end = 0;
  if (tls->out_tail)
    tls->out_tail->next = chunk;
  else
    tls->out_head = chunk;
  tls->out_tail = chunk;
  tls->n_chunks++;
}

static void
drop_head_locked (P2pTls *tls)
{
  P2pTlsChunk *chunk = tls->out_head;

  tls->out_head = chunk->next;
  if (!tls->out_head)
    tls->out_tail = NULL;
  tls->n_chunks--;
  p2p_buffer_give (chunk);
}

static void
append_locked (P2pTls *tls, const char *bytes, size_t n)
{
  while (n > 0)
    {
      P2pTlsChunk *tail = tls->out_tail;
      size_t now;

      if (!tail || tail->end == CHUNK_BYTES)
        {
          if (tls->n_chunks == CHUNKS_MAX)
            {
              tls->overflow = true;
              return;
            }
          add_chunk_locked (tls);
          tail = tls->out_tail;
        }
      now = MIN (n, CHUNK_BYTES - tail->end);
      memcpy (tail->bytes + tail->end, bytes, now);
      tail->end += now;
      bytes += now;
      n -= now;
    }
}

/* Always takes all: an EAGAIN in the middle of GnuTLS's own records (KeyUpdate) sends one twice.
 * What does not fit ends the stream when GnuTLS has returned. */
ssize_t
p2p_tls_vec_push (gnutls_transport_ptr_t data, const giovec_t *iov, int n_iov)
{
  P2pTls *tls = data;
  size_t n = 0;

  p2p_lock_assert_held (&tls->lock);
  for (int i = 0; i < n_iov; i++)
    {
      append_locked (tls, iov[i].iov_base, iov[i].iov_len);
      n += iov[i].iov_len;
    }
  return (ssize_t) n;
}

static bool
holds_output_locked (const P2pTls *tls)
{
  return tls->out_head || tls->lower_holds;
}

void
p2p_tls_end_writing_locked (P2pTls *tls, P2pIo why)
{
  tls->write_end = why;
  tls->lower_holds = false;
  while (tls->out_head)
    drop_head_locked (tls);
}

static void
consume_locked (P2pTls *tls, size_t n)
{
  while (n > 0)
    {
      P2pTlsChunk *head = tls->out_head;
      size_t now = MIN (n, head->end - head->start);

      head->start += now;
      n -= now;
      if (head->start == head->end)
        drop_head_locked (tls);
    }
}

/* Writes the chunks to the stream below, without the lock meanwhile: others may append behind what
 * is being sent, but only who has set `sending` takes away. */
static P2pIo
send_some_locked (P2pTls *tls)
{
  struct iovec iov[CHUNKS_MAX];
  int n_iov = 0;
  size_t total = 0, n = 0;
  P2pIo io = P2P_IO_OK;

  for (P2pTlsChunk *chunk = tls->out_head; chunk; chunk = chunk->next)
    {
      iov[n_iov++] = (struct iovec){ chunk->bytes + chunk->start, chunk->end - chunk->start };
      total += chunk->end - chunk->start;
    }
  p2p_mutex_unlock (&tls->lock);
  if (total > 0)
    io = tls->lower->ops->try_writev (tls->lower, iov, n_iov, &n);
  bool all_taken = io == P2P_IO_OK && n == total;
  if (all_taken)
    io = tls->lower->ops->try_flush (tls->lower);
  p2p_mutex_lock (&tls->lock);
  consume_locked (tls, n);
  if (all_taken)
    tls->lower_holds = io == P2P_IO_AGAIN;
  return io;
}

static P2pIo
send_locked (P2pTls *tls)
{
  P2pIo io = P2P_IO_OK;

  g_assert (!tls->sending);
  tls->sending = true;
  while (io == P2P_IO_OK && holds_output_locked (tls))
    io = send_some_locked (tls);
  tls->sending = false;
  if (io != P2P_IO_OK && io != P2P_IO_AGAIN)
    p2p_tls_end_writing_locked (tls, io);
  if (tls->writer_waits)
    p2p_cond_signal (&tls->sent);
  return io;
}

P2pIo
p2p_tls_flush_locked (P2pTls *tls)
{
  while (tls->sending)
    {
      tls->writer_waits = true;
      (void) p2p_cond_wait (&tls->sent, &tls->lock, P2P_FOREVER); /* for one non-blocking call */
    }
  tls->writer_waits = false;
  if (tls->overflow)
    p2p_tls_end_writing_locked (tls, P2P_IO_OVERFLOW);
  if (tls->write_end != P2P_IO_OK)
    return tls->write_end;
  return holds_output_locked (tls) ? send_locked (tls) : P2P_IO_OK;
}

bool
p2p_tls_flush_as_reader (P2pTls *tls)
{
  P2P_LOCKED (&tls->lock);

  if (tls->sending || !holds_output_locked (tls))
    return true;
  return send_locked (tls) != P2P_IO_AGAIN;
}
