/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Accepting connections. See acceptor.h. */
#include "daemon/proxy/acceptor.h"

#include "lib/fd.h"
#include "lib/log.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <sys/socket.h>

#define BATCH 64
#define PAUSE_MS 100
#define SAY_AGAIN_US (10 * G_USEC_PER_SEC)

static const char full_house[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                 "Content-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Length: 49\r\n"
                                 "Retry-After: 5\r\n"
                                 "Connection: close\r\n\r\n"
                                 "503 Service Unavailable: the server is at limit.\n";

static void
turn_away (int take_fd, const ListenerRef *listener)
{
  p2p_autofd fd = take_fd;
  char waste[4096];

  if (listener->tls)
    return;
  /* What has not been read when it closes would make the kernel send RST, and the answer be lost. None of this blocks and
   * none of it has to succeed. */
  (void) recv (fd, waste, sizeof waste, MSG_DONTWAIT);
  (void) send (fd, full_house, sizeof full_house - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
  (void) shutdown (fd, SHUT_WR);
}

static bool
is_full (void)
{
  return atomic_load (&proxy.n_conns) >= proxy.options.max_connections
         || p2p_pool_is_full (proxy.pool);
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
  (void) poll (NULL, 0, PAUSE_MS); /* waits for descriptors of others to be closed: nothing rings then */
}

void
acceptor_accept (int listen_fd, ListenerRef *listener)
{
  for (unsigned i = 0; i < BATCH; i++)
    {
      struct sockaddr_storage peer = { 0 };
      socklen_t len = sizeof peer;
      int fd = accept4 (listen_fd, (struct sockaddr *) &peer, &len, SOCK_CLOEXEC);

      if (fd >= 0 && is_full ())
        turn_away (fd, listener);
      else if (fd >= 0)
        conn_new (fd, listener, (struct sockaddr *) &peer);
      else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        {
          pause_accepting (errno);
          return;
        }
      else if (errno != ECONNABORTED && errno != EINTR)
        return; /* EAGAIN: all taken */
    }
}
