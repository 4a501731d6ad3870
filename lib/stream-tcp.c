/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* TCP and Unix sockets as streams: one system call a try, hardly any state but the descriptor, so
 * no lock. */
#include "lib/stream-tcp-priv.h"

#include "lib/fd.h"
#include "lib/pool.h"
#include "lib/stream-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/time.h>

typedef struct
{
  P2pStream base;
  int fd;
  P2pWatched watched;
  bool has_patience; /* the reader's: what have_patience () sets is set, which only read_soon ()
                        minds */
  atomic_bool broken; /* the connection failed: its end is none of the peer's */
} Tcp;

/* What errno means to who uses the stream: the peer or the way to it is gone, unless it is our own
 * shortage. */
static P2pIo
io_from_errno (void)
{
  switch (errno)
    {
    case EAGAIN:
      return P2P_IO_AGAIN;
    case ENOMEM:
    case ENOBUFS:
      return P2P_IO_SYS;
    case EBADF:
    case EFAULT:
    case ENOTSOCK:
      g_error ("socket: %s", g_strerror (errno)); /* a bug of ours */
    default:
      return P2P_IO_RESET;
    }
}

/* The kernel tells of a failure once, to whoever asks first; afterwards the reader would find an
 * orderly end. EPIPE is what a writer hears then, or when the peer's FIN came before the reset:
 * that one has said all. Of two threads the reader may still be the quicker; only a tunnel has two,
 * for which either is the end. */
static P2pIo
note_failure (Tcp *tcp)
{
  bool told_before = errno == EPIPE;
  P2pIo io = io_from_errno ();

  if (io == P2P_IO_RESET && !told_before)
    atomic_store_explicit (&tcp->broken, true, memory_order_relaxed);
  return io;
}

static P2pIo
tcp_receive (Tcp *tcp, void *buf, size_t size, int flags, size_t *ret_n)
{
  ssize_t n;

  p2p_watch_forget (&tcp->watched);
  do
    n = recv (tcp->fd, buf, size, flags);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return note_failure (tcp);
  if (n == 0)
    return atomic_load_explicit (&tcp->broken, memory_order_relaxed) ? P2P_IO_RESET : P2P_IO_EOF;
  tcp->watched.unsure = (size_t) n == size;
  *ret_n = (size_t) n;
  return P2P_IO_OK;
}

static P2pIo
tcp_try_read (P2pStream *strm, void *buf, size_t size, size_t *ret_n)
{
  return tcp_receive ((Tcp *) strm, buf, size, MSG_DONTWAIT, ret_n);
}

/* Makes recv () wait for that long where it is not told not to. A connecting socket is
 * non-blocking, which would win. */
static bool
have_patience (Tcp *tcp)
{
  const struct timeval patience = { .tv_usec = P2P_SOON_MS * 1000 };

  if (!tcp->has_patience)
    tcp->has_patience
        = setsockopt (tcp->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0
          && fcntl (tcp->fd, F_SETFL, 0) == 0;
  return tcp->has_patience;
}

static P2pIo
tcp_read_soon (P2pStream *strm, void *buf, size_t size, size_t *ret_n)
{
  Tcp *tcp = (Tcp *) strm;
  P2pIo io;

  if (!have_patience (tcp))
    return tcp_receive (tcp, buf, size, MSG_DONTWAIT, ret_n);
  p2p_pool_sleep_begin ();
  io = tcp_receive (tcp, buf, size, 0, ret_n);
  p2p_pool_sleep_end ();
  return io;
}

static bool
tcp_seems_quiet (P2pStream *strm)
{
  return p2p_watch_is_quiet (&((Tcp *) strm)->watched);
}

static P2pIo
tcp_try_writev (P2pStream *strm, const struct iovec *iov, int n_iov, size_t *ret_n)
{
  Tcp *tcp = (Tcp *) strm;
  struct msghdr msg = { .msg_iov = (struct iovec *) iov,
                        .msg_iovlen = (size_t) MIN (n_iov, IOV_MAX) };
  ssize_t n;

  do
    n = sendmsg (tcp->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return note_failure (tcp);
  *ret_n = (size_t) n;
  return P2P_IO_OK;
}

static P2pIo
tcp_try_flush (P2pStream *strm)
{
  (void) strm; /* what the kernel took is on its way */
  return P2P_IO_OK;
}

static P2pIo
tcp_try_shutdown (P2pStream *strm)
{
  return shutdown (((Tcp *) strm)->fd, SHUT_WR) == 0 ? P2P_IO_OK : io_from_errno ();
}

static void
tcp_reset (P2pStream *strm)
{
  const struct linger abort_on_close = { .l_onoff = 1, .l_linger = 0 };

  /* Unix sockets know no RST and don't mind. */
  (void) setsockopt (((Tcp *) strm)->fd, SOL_SOCKET, SO_LINGER, &abort_on_close,
                     sizeof abort_on_close);
}

static void
tcp_close (P2pStream *strm)
{
  Tcp *tcp = (Tcp *) strm;

  p2p_fd_close (&tcp->fd);
  g_free (tcp);
}

static size_t
tcp_pending (P2pStream *strm)
{
  (void) strm;
  return 0;
}

static int
tcp_fd (P2pStream *strm)
{
  return ((Tcp *) strm)->fd;
}

static unsigned
tcp_arm (P2pStream *strm, unsigned want, P2pBell *bell, P2pArm *ret_arm)
{
  (void) bell; /* the descriptor is enough */
  ret_arm->fd = ((Tcp *) strm)->fd;
  ret_arm->watched = &((Tcp *) strm)->watched;
  ret_arm->events
      = (short) ((want & P2P_READABLE ? POLLIN : 0) | (want & P2P_WRITABLE ? POLLOUT : 0)
                 | (want & P2P_LEFT ? POLLRDHUP : 0));
  return 0;
}

static void
tcp_disarm (P2pStream *strm)
{
  (void) strm;
}

static unsigned
tcp_polled (P2pStream *strm, unsigned want, short revents)
{
  unsigned ready = 0;

  (void) strm;
  /* The next call tells what happened. */
  if (revents & (POLLERR | POLLNVAL))
    return P2P_FAILED | P2P_HANGUP | want;
  if (revents & POLLHUP)
    return P2P_HANGUP | want;
  if (revents & POLLIN)
    ready |= P2P_READABLE;
  if (revents & POLLOUT)
    ready |= P2P_WRITABLE;
  if (revents & POLLRDHUP)
    ready |= P2P_LEFT;
  return ready & want;
}

static const P2pStreamOps tcp_ops = {
  .name = "tcp",
  .try_read = tcp_try_read,
  .read_soon = tcp_read_soon,
  .seems_quiet = tcp_seems_quiet,
  .try_writev = tcp_try_writev,
  .try_flush = tcp_try_flush,
  .try_shutdown = tcp_try_shutdown,
  .reset = tcp_reset,
  .close = tcp_close,
  .pending = tcp_pending,
  .fd = tcp_fd,
  .arm = tcp_arm,
  .disarm = tcp_disarm,
  .polled = tcp_polled,
  .is_plain = true,
};

P2pStream *
p2p_stream_tcp_new (int take_fd)
{
  Tcp *tcp = g_new (Tcp, 1);
  const int on = 1;

  g_assert (take_fd >= 0);
  tcp->base.ops = &tcp_ops;
  tcp->fd = take_fd;
  tcp->watched = P2P_WATCHED_NONE;
  tcp->has_patience = false;
  atomic_init (&tcp->broken, false);
  /* EOPNOTSUPP on a Unix socket, which never delays. */
  (void) setsockopt (take_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return &tcp->base;
}

void
p2p_stream_tcp_watch_peer (int fd)
{
  const int on = 1, idle_s = 60, interval_s = 15, n_probes = 4;
  /* As long as the probes take: the kernel has this one decide for them as well (tcp(7)). */
  const unsigned give_up_ms = 120000;

  if (setsockopt (fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s) != 0)
    return; /* not TCP: nobody vanishes there */
  (void) setsockopt (fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  (void) setsockopt (fd, IPPROTO_TCP, TCP_KEEPCNT, &n_probes, sizeof n_probes);
  (void) setsockopt (fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &give_up_ms, sizeof give_up_ms);
  (void) setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

P2pIo
p2p_stream_tcp_connect_outcome (int error)
{
  errno = error;
  switch (error)
    {
    case 0:
      return P2P_IO_OK;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ENOENT:
    case EACCES:
    case EPERM:
      return P2P_IO_REFUSED;
    case ETIMEDOUT:
    case EAGAIN: /* a Unix socket's full backlog */
      return P2P_IO_TIMEOUT;
    default:
      return P2P_IO_SYS;
    }
}

int
p2p_stream_tcp_connect_begin (const struct sockaddr *address, socklen_t address_len, int *ret_fd)
{
  p2p_autofd fd = socket (address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd < 0)
    return errno;
  if (connect (fd, address, address_len) != 0 && errno != EINPROGRESS)
    return errno;
  *ret_fd = g_steal_fd (&fd);
  return 0;
}

int
p2p_stream_tcp_connect_error (int fd)
{
  int error = 0;
  socklen_t len = sizeof error;

  return getsockopt (fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

/* A Unix socket's connect can't be polled for: it blocks, with the kernel's own time-out. */
static P2pIo
connect_unix (const struct sockaddr *address, socklen_t address_len, int64_t deadline_us,
              P2pStream **ret_strm)
{
  p2p_autofd fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int64_t now_us = p2p_now_us ();
  int64_t left_us = deadline_us == P2P_FOREVER ? 0 : MAX (deadline_us - now_us, 1);
  struct timeval left = { .tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000 };
  int n;

  if (fd < 0)
    return p2p_stream_tcp_connect_outcome (errno);
  (void) setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof left); /* sane values only */
  p2p_pool_sleep_begin ();
  n = connect (fd, address, address_len);
  p2p_pool_sleep_end ();
  if (n != 0)
    return p2p_stream_tcp_connect_outcome (errno == EINTR ? EAGAIN : errno);
  *ret_strm = p2p_stream_tcp_new (g_steal_fd (&fd));
  return P2P_IO_OK;
}

P2pIo
p2p_stream_tcp_connect (const struct sockaddr *address,
                        socklen_t address_len,
                        int64_t deadline_us,
                        P2pStream **ret_strm)
{
  p2p_autofd fd = -1;
  struct pollfd pfd = { .events = POLLOUT };
  int error, n;

  if (address->sa_family == AF_UNIX)
    return connect_unix (address, address_len, deadline_us, ret_strm);
  error = p2p_stream_tcp_connect_begin (address, address_len, &fd);
  if (error)
    return p2p_stream_tcp_connect_outcome (error);
  pfd.fd = fd;
  p2p_pool_sleep_begin ();
  do
    n = poll (&pfd, 1, p2p_deadline_poll_ms (deadline_us));
  while (n < 0 && errno == EINTR);
  p2p_pool_sleep_end ();
  error = n > 0 ? p2p_stream_tcp_connect_error (fd) : n < 0 ? errno : ETIMEDOUT;
  if (error)
    return p2p_stream_tcp_connect_outcome (error);
  *ret_strm = p2p_stream_tcp_new (g_steal_fd (&fd));
  return P2P_IO_OK;
}
