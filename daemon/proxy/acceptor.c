/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Accepting connections. See acceptor.h. */
#include "daemon/proxy/acceptor.h"

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/peer.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <sys/socket.h>

#define BATCH 64
#define PAUSE_MS 100
#define SAY_AGAIN_US (10 * G_USEC_PER_SEC)

/* Both texts have 49 bytes. */
static const char full_house[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                 "Content-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Length: 49\r\n"
                                 "Retry-After: 5\r\n"
                                 "Connection: close\r\n\r\n"
                                 "503 Service Unavailable: the server is at limit.\n";

static const char too_many[] = "HTTP/1.1 429 Too Many Requests\r\n"
                               "Content-Type: text/plain; charset=utf-8\r\n"
                               "Content-Length: 49\r\n"
                               "Retry-After: 5\r\n"
                               "Connection: close\r\n\r\n"
                               "429 Too Many Requests: connections at your limit\n";

static void
turn_away (int take_fd, const ListenerRef *listener, const char *answer)
{
  p2p_autofd fd = take_fd;
  char waste[4096];

  if (listener->tls)
    return;
  /* What has not been read when it closes would make the kernel send RST, and the answer be lost.
   * None of this blocks and none of it has to succeed. */
  (void) recv (fd, waste, sizeof waste, MSG_DONTWAIT);
  (void) send (fd, answer, strlen (answer), MSG_DONTWAIT | MSG_NOSIGNAL);
  (void) shutdown (fd, SHUT_WR);
}

/* NULL: come in. */
static const char *
why_full (int fd, const P2pPool *lane)
{
  if (!lane)
    return "all workers are busy and many requests wait for one";
  if (atomic_load (&proxy.n_conns) >= proxy.options.max_connections)
    return "as many connections are open as may be";
  /* The kernel gives the lowest number that is free. */
  if (fd >= proxy.fd_ceiling)
    return "nearly all descriptors are in use (LimitNOFILE=, ulimit -n)";
  return NULL;
}

static void
pause_accepting (int error_number)
{
  static int64_t say_again_at_us;
  int64_t now_us = p2p_now_us ();

  if (now_us >= say_again_at_us)
    {
      p2p_log (P2P_LOG_ERROR, "proxy", "accept: %s, pausing for %d ms at a time",
               g_strerror (error_number), PAUSE_MS);
      say_again_at_us = now_us + SAY_AGAIN_US;
    }
  (void) poll (NULL, 0,
               PAUSE_MS); /* waits for descriptors of others to be closed: nothing rings then */
}

/* Says at most now and then why peers are turned away: each one would be a line of log for anybody
 * who asks. */
static void
say_full (int64_t *say_again_at_us, const char *what)
{
  int64_t now_us = p2p_now_us ();

  if (now_us < *say_again_at_us)
    return;
  *say_again_at_us = now_us + SAY_AGAIN_US;
  p2p_log (P2P_LOG_WARNING, "proxy", "%s, turning further ones away", what);
}

static void
say_too_many (const struct sockaddr *peer)
{
  static int64_t say_again_at_us;
  char address[INET6_ADDRSTRLEN], what[128];
  uint16_t port;

  p2p_peer_format (peer, address, &port);
  g_snprintf (what, sizeof what, "%s has %u connections, as many as one address may have", address,
              proxy.options.max_connections_per_address);
  say_full (&say_again_at_us, what);
}

static void
admit (int take_fd, ListenerRef *listener, const struct sockaddr *peer)
{
  static int64_t say_again_at_us;
  P2pPool *lane = p2p_lanes_pick (proxy.lanes);
  const char *full = why_full (take_fd, lane);
  AddressCount *count;
  unsigned n;

  if (full)
    {
      say_full (&say_again_at_us, full);
      turn_away (take_fd, listener, full_house);
      return;
    }
  count = address_count_enter (peer, &n);
  if (n <= proxy.options.max_connections_per_address
      || client_is_trusted_peer (listener->id, peer))
    {
      conn_new (take_fd, lane, listener, peer, count);
      return;
    }
  address_count_leave (count);
  say_too_many (peer);
  turn_away (take_fd, listener, too_many);
}

void
acceptor_accept (int listen_fd, ListenerRef *listener)
{
  for (unsigned i = 0; i < BATCH; i++)
    {
      struct sockaddr_storage peer = { 0 };
      socklen_t len = sizeof peer;
      int fd = accept4 (listen_fd, (struct sockaddr *) &peer, &len, SOCK_CLOEXEC);

      if (fd >= 0)
        admit (fd, listener, (struct sockaddr *) &peer);
      else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        {
          pause_accepting (errno);
          return;
        }
      else if (errno != ECONNABORTED && errno != EINTR)
        return; /* EAGAIN: all taken */
    }
}
