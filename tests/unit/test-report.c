/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The agent's reports, and daemons of other versions: one that does not know a member answers 400,
 * and gets the next report without it; whoever is dialled next is asked again. */
#include "agent/agent.h"
#include "agent/denials.h"
#include "agent/report.h"

#include "tests/unit/wait-for.h"

#include "lib/fd.h"
#include "lib/lock.h"
#include "lib/tls.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static int
listen_anywhere (uint16_t *ret_port)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t n = sizeof in;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *) &in, n), ==, 0);
  g_assert_cmpint (listen (fd, 4), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &in, &n), ==, 0);
  *ret_port = ntohs (in.sin_port);
  return fd;
}

static void
agent_set_up (uint16_t port)
{
  P2pPoolOptions options
      = { .name = "test", .threads_min = 1, .threads_max = 2, .queue_max = 4, .idle_ms = 30000 };
  g_autoptr (GError) error = NULL;

  agent.host = (char *) "127.0.0.1";
  agent.authority = (char *) "daemon.test";
  agent.token = (char *) "p2pag_x";
  agent.settings.agent_id = (char *) "edge";
  agent.port = port;
  denials_setup ();
  agent.daemon_resolver = p2p_resolver_new (1, 4, &error);
  g_assert_no_error (error);
  g_assert_true (report_setup (NULL));
  agent.pool = p2p_pool_new (&options, &error);
  g_assert_no_error (error);
}

static void
agent_done (void)
{
  g_assert_true (p2p_pool_stop (agent.pool, p2p_deadline_ms (PATIENCE_MS)));
  p2p_pool_free (agent.pool);
  report_teardown ();
  p2p_resolver_free (agent.daemon_resolver);
  denials_teardown ();
}

/* Whether there is something to read or accept; makes reports due meanwhile, as the link does. */
static bool
is_ready (int fd)
{
  static const P2pYamuxStats stats = { .bytes_in = 1 };
  struct pollfd item = { .fd = fd, .events = POLLIN };

  report_when_due (&stats);
  return poll (&item, 1, 10) == 1;
}

/* The body of one report; g_free (). */
static char *
take_report (int conn)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *end;

  while (!(end = strstr (text->str, "\r\n\r\n")) || !strchr (end, '}'))
    {
      char buf[4096];
      ssize_t n;

      WAIT_FOR (is_ready (conn));
      n = read (conn, buf, sizeof buf);
      g_assert_cmpint (n, >, 0);
      g_string_append_len (text, buf, n);
    }
  g_assert_true (g_str_has_prefix (text->str, "POST /api/v1/agent/stats HTTP/1.1\r\n"));
  g_assert_nonnull (strstr (text->str, "\r\nAuthorization: Bearer p2pag_x\r\n"));
  return g_strdup (end + 4);
}

static void
answer (int conn, const char *status)
{
  g_autofree char *text = g_strdup_printf ("HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", status);

  g_assert_cmpint (write (conn, text, strlen (text)), ==, (ssize_t) strlen (text));
}

static int
take_connection (int fd)
{
  int conn;

  WAIT_FOR (is_ready (fd));
  conn = accept4 (fd, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (conn, >=, 0);
  return conn;
}

static void
expect (int conn, const char *member, bool there, const char *status)
{
  g_autofree char *body = take_report (conn);

  g_test_message ("%s", body);
  g_assert_true (g_str_has_suffix (body, "}"));
  g_assert_nonnull (strstr (body, "\"requests_failed\":0,"));
  g_assert_nonnull (strstr (body, "\"bytes_received\":1,"));
  g_assert_true (!strstr (body, member) != there);
  answer (conn, status);
}

static void
test_older_daemon (void)
{
  static const P2pTunnelOpen open = { .host = "a.example", .port = 80, .request_id = "r" };
  uint16_t port;
  p2p_autofd fd = listen_anywhere (&port), conn = -1;

  agent_set_up (port);
  denials_note (&open, "for the test");
  conn = take_connection (fd);
  expect (conn, "\"requests_denied\":1,", true, "400 Bad Request");
  expect (conn, "requests_denied", false, "204 No Content");
  p2p_fd_close (&conn);
  conn = take_connection (fd);
  /* What was printed before the loss was seen may be the first. */
  {
    g_autofree char *body = take_report (conn);

    answer (conn, "204 No Content");
    if (!strstr (body, "\"requests_denied\":1,"))
      expect (conn, "\"requests_denied\":1,", true, "204 No Content");
  }
  agent_done ();
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/report/older-daemon", test_older_daemon);
  return g_test_run ();
}
