/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The methods of a TLS stream: reading with its read-ahead, what is encrypted, waiting. What was
 * encrypted is stream-tls-output.c's. See stream-tls-priv.h for who owns what. The stream below is
 * never called with the lock held: a Yamux stream's locks come before this one in the order. */
#include "lib/stream-tls-priv.h"

#include "lib/buffer.h"

#include <errno.h>
#include <glib.h>

#define RECORD_MAX 16384
/* Bytes that lie together are not copied to fill a record that they nearly fill. */
#define RECORD_ENOUGH (RECORD_MAX - RECORD_MAX / 64)
/* Encrypted by one try: as many full records as a chunk holds. */
#define RECORDS_PER_TRY 4

/* Input -----------------------------------------------------------------------------------------
 */

ssize_t
p2p_tls_pull (gnutls_transport_ptr_t data, void *buf, size_t size)
{
  P2pTls *tls = data;
  size_t n = MIN (size, tls->in_end - tls->in_start);

  if (n == 0)
    {
      errno = EAGAIN;
      return -1;
    }
  memcpy (buf, tls->in + tls->in_start, n);
  tls->in_start += n;
  return (ssize_t) n;
}

static void
give_back_read_ahead (P2pTls *tls)
{
  if (tls->in_start < tls->in_end)
    return;
  p2p_buffer_give (g_steal_pointer (&tls->in));
  tls->in_start = tls->in_end = 0;
}

P2pIo
p2p_tls_fill (P2pTls *tls)
{
  P2pIo io;

  g_assert (tls->in_start == tls->in_end);
  if (!tls->in)
    tls->in = p2p_buffer_take ();
  tls->in_start = tls->in_end = 0;
  io = tls->lower->ops->try_read (tls->lower, tls->in, P2P_BUFFER_SIZE, &tls->in_end);
  if (io == P2P_IO_OK)
    return P2P_IO_OK;
  give_back_read_ahead (tls);
  /* An end without close_notify may be an attacker's cut. */
  return io == P2P_IO_EOF ? P2P_IO_RESET : io;
}

/* After an error of gnutls_record_recv () that is not "again". */
static P2pIo
reading_ends (P2pTls *tls, int rc)
{
  P2P_LOCKED (&tls->lock);

  if (rc == 0)
    return P2P_IO_EOF;
  if (rc == GNUTLS_E_PREMATURE_TERMINATION)
    return P2P_IO_RESET;
  /* Renegotiation (TLS 1.2) is refused: it has no use here and a history of attacks. */
  (void) gnutls_alert_send_appropriate (tls->session, rc); /* best effort */
  return P2P_IO_TLS;
}

static P2pIo
tls_try_read (P2pStream *strm, void *buf, size_t size, size_t *ret_n)
{
  P2pTls *tls = (P2pTls *) strm;

  g_assert (tls->open);
  while (tls->read_end == P2P_IO_OK)
    {
      ssize_t rc;

      if (tls->plain == 0 && tls->in_start == tls->in_end)
        {
          P2pIo io = p2p_tls_fill (tls);

          if (io == P2P_IO_AGAIN)
            {
              (void) p2p_tls_flush_as_reader (tls); /* what stays, arm () asks for */
              return P2P_IO_AGAIN;
            }
          tls->read_end = io;
          if (io != P2P_IO_OK)
            break;
        }
      p2p_mutex_lock (&tls->lock);
      rc = gnutls_record_recv (tls->session, buf, size);
      tls->plain = rc > 0 ? gnutls_record_check_pending (tls->session) : 0;
      p2p_mutex_unlock (&tls->lock);
      give_back_read_ahead (tls);
      if (rc > 0)
        {
          *ret_n = (size_t) rc;
          return P2P_IO_OK;
        }
      /* AGAIN: a record is not complete, or it was a message of the handshake protocol. */
      if (rc == 0 || gnutls_error_is_fatal ((int) rc) || rc == GNUTLS_E_REHANDSHAKE)
        {
          tls->read_end = reading_ends (tls, (int) rc);
          (void) p2p_tls_flush_as_reader (tls);
        }
    }
  return tls->read_end;
}

/* Writing ---------------------------------------------------------------------------------------
 */

typedef struct
{
  const struct iovec *iov; /* (borrowed) */
  int n_iov;
  size_t offset; /* in iov[0] */
} Cursor;

static void
cursor_advance (Cursor *at, size_t n)
{
  n += at->offset;
  while (at->n_iov > 0 && n >= at->iov->iov_len)
    {
      n -= at->iov->iov_len;
      at->iov++;
      at->n_iov--;
    }
  at->offset = n;
}

/* The bytes of the next record: where they are when enough lie together, else copied: a head and
 * the body behind it share a record. */
static size_t
next_piece (Cursor at, char joined[RECORD_MAX], const char **ret_bytes)
{
  size_t n = 0;

  if (at.n_iov == 1 || at.iov->iov_len - at.offset >= RECORD_ENOUGH)
    {
      *ret_bytes = (char *) at.iov->iov_base + at.offset;
      return MIN (at.iov->iov_len - at.offset, RECORD_MAX);
    }
  while (at.n_iov > 0 && n < RECORD_MAX)
    {
      size_t now = MIN (at.iov->iov_len - at.offset, RECORD_MAX - n);

      memcpy (joined + n, (char *) at.iov->iov_base + at.offset, now);
      n += now;
      cursor_advance (&at, now);
    }
  *ret_bytes = joined;
  return n;
}

static P2pIo
encrypt_locked (P2pTls *tls, Cursor at, size_t *ret_n)
{
  char joined[RECORD_MAX];
  size_t taken = 0;

  cursor_advance (&at, 0); /* past empty entries */
  for (unsigned i = 0; i < RECORDS_PER_TRY && at.n_iov > 0; i++)
    {
      const char *bytes;
      size_t n = next_piece (at, joined, &bytes);
      ssize_t rc = gnutls_record_send (tls->session, bytes, n);

      if (rc < 0)
        {
          p2p_tls_end_writing_locked (tls, P2P_IO_TLS);
          return P2P_IO_TLS;
        }
      taken += (size_t) rc;
      cursor_advance (&at, (size_t) rc);
    }
  *ret_n = taken;
  return P2P_IO_OK;
}

static P2pIo
tls_try_writev (P2pStream *strm, const struct iovec *iov, int n_iov, size_t *ret_n)
{
  P2pTls *tls = (P2pTls *) strm;
  size_t n = 0;
  P2pIo io;

  g_assert (tls->open);
  p2p_mutex_lock (&tls->lock);
  /* What the handshake left (a client's Finished, a server's tickets) travels with the first bytes.
   */
  if (tls->unsent_handshake && !tls->sending)
    io = tls->write_end;
  else
    io = p2p_tls_flush_locked (tls);
  tls->unsent_handshake = false;
  if (io == P2P_IO_OK && tls->bye)
    io = P2P_IO_RESET;
  if (io == P2P_IO_OK)
    io = encrypt_locked (tls, (Cursor){ iov, n_iov, 0 }, &n);
  if (io == P2P_IO_OK)
    {
      io = p2p_tls_flush_locked (tls);
      if (io == P2P_IO_AGAIN)
        io = P2P_IO_OK;
    }
  p2p_mutex_unlock (&tls->lock);
  if (io == P2P_IO_OK)
    *ret_n = n;
  return io;
}

static P2pIo
tls_try_flush (P2pStream *strm)
{
  P2pTls *tls = (P2pTls *) strm;
  P2P_LOCKED (&tls->lock);

  return p2p_tls_flush_locked (tls);
}

static P2pIo
tls_try_shutdown (P2pStream *strm)
{
  P2pTls *tls = (P2pTls *) strm;
  P2P_LOCKED (&tls->lock);

  if (!tls->bye && tls->write_end == P2P_IO_OK)
    {
      tls->bye = true;
      (void) gnutls_bye (tls->session, GNUTLS_SHUT_WR); /* only appends */
    }
  /* The stream below stays open both ways: our answers to the peer's KeyUpdates still pass, and a
   * known agent would end both directions at its FIN. */
  return p2p_tls_flush_locked (tls);
}

static void
tls_reset (P2pStream *strm)
{
  P2pTls *tls = (P2pTls *) strm;

  tls->aborted = true;
  p2p_stream_reset (tls->lower);
}

static void
tls_close (P2pStream *strm)
{
  P2pTls *tls = (P2pTls *) strm;

  p2p_mutex_lock (&tls->lock);
  if (!tls->aborted && tls->write_end == P2P_IO_OK)
    {
      /* Behind bytes that can't go out it would only be lost with them. */
      if (tls->open && !tls->bye && tls->read_end != P2P_IO_TLS
          && p2p_tls_flush_locked (tls) == P2P_IO_OK)
        (void) gnutls_bye (tls->session, GNUTLS_SHUT_WR);
      (void) p2p_tls_flush_locked (tls);
    }
  p2p_tls_end_writing_locked (tls, P2P_IO_STOPPED);
  p2p_mutex_unlock (&tls->lock);
  gnutls_deinit (tls->session);
  p2p_stream_close (tls->lower);
  p2p_buffer_give (tls->in);
  p2p_cond_done (&tls->sent);
  p2p_mutex_done (&tls->lock);
  p2p_tls_server_unref (tls->server);
  p2p_tls_client_unref (tls->client);
  p2p_tls_cert_unref (tls->cert);
  g_free (tls->name);
  g_free (tls->error);
  g_free (tls);
}

/* Waiting ---------------------------------------------------------------------------------------
 */

static size_t
tls_pending (P2pStream *strm)
{
  P2pTls *tls = (P2pTls *) strm;

  return tls->plain + (tls->in_end - tls->in_start) + p2p_stream_pending (tls->lower);
}

static int
tls_fd (P2pStream *strm)
{
  return p2p_stream_fd (((P2pTls *) strm)->lower);
}

/* What the stream below found, as what was wanted of this one. */
static unsigned
translate (P2pTls *tls, unsigned want, unsigned found)
{
  bool flushed = true;

  if (found & P2P_HANGUP)
    return (found & (P2P_FAILED | P2P_HANGUP)) | want;
  if (found & P2P_WRITABLE)
    flushed = p2p_tls_flush_as_reader (tls);
  if (!flushed)
    found &= ~(unsigned) P2P_WRITABLE;
  return found & want;
}

static unsigned
tls_arm (P2pStream *strm, unsigned want, P2pBell *bell, P2pArm *ret_arm)
{
  P2pTls *tls = (P2pTls *) strm;
  bool ended;

  /* Bytes read ahead may be no whole record: a hint, the next read takes them up. */
  if (want & P2P_READABLE
      && (tls->plain > 0 || tls->in_start < tls->in_end || tls->read_end != P2P_IO_OK))
    return P2P_READABLE;
  if (want & P2P_WRITABLE)
    {
      p2p_mutex_lock (&tls->lock);
      ended = tls->write_end != P2P_IO_OK;
      p2p_mutex_unlock (&tls->lock);
      if (ended)
        return P2P_WRITABLE;
    }
  for (unsigned i = 0; i < 2; i++)
    {
      bool flushed = p2p_tls_flush_as_reader (tls);
      unsigned lower_want = want | (flushed ? 0 : P2P_WRITABLE);
      unsigned found = tls->lower->ops->arm (tls->lower, lower_want, bell, ret_arm);

      if (found == 0)
        return 0;
      found = translate (tls, want, found);
      if (found)
        return found;
      /* It could be written below, for what was held back: ask again without. */
    }
  /* Writable below, yet nothing is taken: a hint that was wrong. The caller comes back. */
  return want ? want : tls->lower->ops->arm (tls->lower, 0, bell, ret_arm);
}

static void
tls_disarm (P2pStream *strm)
{
  P2pTls *tls = (P2pTls *) strm;

  tls->lower->ops->disarm (tls->lower);
}

static unsigned
tls_polled (P2pStream *strm, unsigned want, short revents)
{
  P2pTls *tls = (P2pTls *) strm;

  /* Asked for all: what was polled for decides. */
  return translate (tls, want,
                    tls->lower->ops->polled (
                        tls->lower, P2P_READABLE | P2P_WRITABLE | P2P_LEFT, revents));
}

const P2pStreamOps p2p_stream_tls_ops = {
  .name = "tls",
  .try_read = tls_try_read,
  .try_writev = tls_try_writev,
  .try_flush = tls_try_flush,
  .try_shutdown = tls_try_shutdown,
  .reset = tls_reset,
  .close = tls_close,
  .pending = tls_pending,
  .fd = tls_fd,
  .arm = tls_arm,
  .disarm = tls_disarm,
  .polled = tls_polled,
};
