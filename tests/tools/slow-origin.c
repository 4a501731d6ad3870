/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* An origin that answers every request after a delay, for thousands of connections in one thread:
 * what stands behind the proxy when many slow requests are under way at once.
 *
 *     slow-origin PORT DELAY_MS [BODY_BYTES]
 *
 * Port 0 lets the kernel choose; the first line of the output is the port. HTTP/1.1 with
 * keep-alive, GET only: a request ends at the first empty line. All requests wait equally long, so
 * the waiting ones are one queue in order of arrival. */
#include "lib/clock.h"
#include "lib/fd.h"
#include "tests/tools/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define BATCH 256

typedef struct
{
  int fd;               /* (owned) */
  unsigned n_tail;      /* how much of an empty line has been seen */
  bool waiting, closed; /* closed: freed when its turn comes */
  int64_t due_us;
} Conn;

static int epoll_fd;
static int64_t delay_us;
static GByteArray *answer;          /* (owned) */
static GQueue queue = G_QUEUE_INIT; /* of waiting Conn, the first due first */

static void
conn_free (Conn *conn)
{
  p2p_fd_close (&conn->fd);
  g_free (conn);
}

static void
conn_end (Conn *conn)
{
  if (conn->waiting)
    conn->closed = true;
  else
    conn_free (conn);
}

static void
accept_all (int listen_fd)
{
  for (;;)
    {
      struct epoll_event event = { .events = EPOLLIN };
      int fd = accept4 (listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
      Conn *conn;

      if (fd < 0)
        return;
      (void) setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      conn = g_new0 (Conn, 1);
      conn->fd = fd;
      event.data.ptr = conn;
      if (epoll_ctl (epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        conn_free (conn);
    }
}

static void
conn_read (Conn *conn)
{
  static const char end[] = "\r\n\r\n";
  char bytes[4096];
  ssize_t n = recv (conn->fd, bytes, sizeof bytes, 0);

  if (conn->closed || (n < 0 && errno == EAGAIN))
    return;
  if (n <= 0)
    {
      (void) epoll_ctl (epoll_fd, EPOLL_CTL_DEL, conn->fd, NULL);
      conn_end (conn);
      return;
    }
  for (ssize_t i = 0; i < n; i++)
    conn->n_tail = bytes[i] == end[conn->n_tail] ? conn->n_tail + 1 : bytes[i] == '\r';
  if (conn->n_tail < strlen (end) || conn->waiting)
    return;
  conn->n_tail = 0;
  conn->waiting = true;
  conn->due_us = p2p_now_us () + delay_us;
  g_queue_push_tail (&queue, conn);
}

static void
answer_due (void)
{
  int64_t now_us = p2p_now_us ();
  Conn *conn;

  while ((conn = g_queue_peek_head (&queue)) && conn->due_us <= now_us)
    {
      (void) g_queue_pop_head (&queue);
      conn->waiting = false;
      if (conn->closed)
        conn_free (conn);
      else if (send (conn->fd, answer->data, answer->len, MSG_NOSIGNAL) != (ssize_t) answer->len)
        (void) shutdown (conn->fd, SHUT_RDWR); /* who does not read is cut off; EPOLLIN follows */
    }
}

static void
make_answer (size_t n_body)
{
  g_autofree char *head = g_strdup_printf ("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                                           "Content-Length: %zu\r\n\r\n",
                                           n_body);
  g_autofree char *body = g_malloc (n_body + 1);

  memset (body, 'x', n_body);
  answer = g_byte_array_new ();
  g_byte_array_append (answer, (const guint8 *) head, (guint) strlen (head));
  g_byte_array_append (answer, (const guint8 *) body, (guint) n_body);
}

int
main (int argc, char **argv)
{
  struct epoll_event events[BATCH] = { { .events = EPOLLIN, .data.ptr = NULL } };
  int listen_fd;

  if (argc < 3)
    {
      fprintf (stderr, "Usage: slow-origin PORT DELAY_MS [BODY_BYTES]\n");
      return 2;
    }
  p2p_fd_raise_limit ();
  delay_us = g_ascii_strtoll (argv[2], NULL, 10) * 1000;
  make_answer (argc > 3 ? g_ascii_strtoull (argv[3], NULL, 10) : 100);
  epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  listen_fd = loopback_listen ("slow-origin", (unsigned) g_ascii_strtoull (argv[1], NULL, 10),
                               SOCK_NONBLOCK);
  if (epoll_ctl (epoll_fd, EPOLL_CTL_ADD, listen_fd, &events[0]) < 0)
    return 1;
  for (;;)
    {
      Conn *first = g_queue_peek_head (&queue);
      int n = epoll_wait (epoll_fd, events, BATCH,
                          p2p_deadline_poll_ms (first ? first->due_us : P2P_FOREVER));

      for (int i = 0; i < n; i++)
        if (events[i].data.ptr)
          conn_read (events[i].data.ptr);
        else
          accept_all (listen_fd);
      answer_due ();
    }
}
