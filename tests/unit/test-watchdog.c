/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The service manager's datagrams and the watchdog. */
#include "lib/fd.h"
#include "lib/lock.h"
#include "lib/notify.h"
#include "lib/watchdog.h"
#include "tests/unit/wait-for.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A manager's socket in a directory of its own, named in NOTIFY_SOCKET. */
static int
manager_open (bool abstract, char **ret_path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autofree char *dir = g_dir_make_tmp ("notify-XXXXXX", NULL);
  char *path = g_build_filename (dir, "socket", NULL);
  socklen_t len = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + strlen (path) + 1);
  int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  if (abstract)
    {
      address.sun_path[0] = '\0';
      len--;
      path[0] = '@';
    }
  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, len), ==, 0);
  g_setenv ("NOTIFY_SOCKET", path, TRUE);
  path[0] = '/';
  *ret_path = path;
  return fd;
}

static void
manager_close (int fd, char *path)
{
  g_autofree char *dir = g_path_get_dirname (path);

  g_unsetenv ("NOTIFY_SOCKET");
  p2p_fd_close (&fd);
  (void) g_unlink (path); /* not there if abstract */
  g_assert_cmpint (g_rmdir (dir), ==, 0);
  g_free (path);
}

static void
expect_datagram (int fd, const char *text)
{
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
  char buf[256] = "";
  ssize_t n;

  g_assert_cmpint (poll (&poll_fd, 1, PATIENCE_MS), ==, 1);
  n = recv (fd, buf, sizeof buf - 1, 0);
  g_assert_cmpint (n, ==, (ssize_t) strlen (text));
  g_assert_cmpstr (buf, ==, text);
}

static void
test_notify (gconstpointer data)
{
  char *path;
  int fd = manager_open (GPOINTER_TO_INT (data) != 0, &path);

  g_assert_true (p2p_notify ("READY=1\nSTATUS=listening on 2 addresses"));
  expect_datagram (fd, "READY=1\nSTATUS=listening on 2 addresses");
  g_assert_true (p2p_notify ("STOPPING=1"));
  expect_datagram (fd, "STOPPING=1");
  manager_close (fd, path);
}

static void
test_notify_nobody (void)
{
  g_unsetenv ("NOTIFY_SOCKET");
  g_assert_false (p2p_notify ("READY=1"));
  g_assert_cmpint (errno, ==, 0);
  for (const char *const *bad = (const char *const[]){ "", "relative", "/", "vsock:2:1", NULL };
       *bad; bad++)
    {
      g_setenv ("NOTIFY_SOCKET", *bad, TRUE);
      g_assert_false (p2p_notify ("READY=1"));
      g_assert_cmpint (errno, !=, 0);
    }
  g_unsetenv ("NOTIFY_SOCKET");
}

static void
test_watchdog_us (void)
{
  g_autofree char *own_pid = g_strdup_printf ("%d", (int) getpid ());
  const struct
  {
    const char *socket, *us, *pid;
    int64_t expected;
  } rows[] = {
    { "/x", "30000000", NULL, 30000000 },
    { "/x", "30000000", own_pid, 30000000 },
    { "/x", "30000000", "1", 0 },
    { "/x", "30000000", "x", 0 },
    { NULL, "30000000", own_pid, 0 },
    { "/x", NULL, NULL, 0 },
    { "/x", "-1", NULL, 0 },
    { "/x", "18446744073709551615", NULL, 0 },
    { "/x", "", NULL, 0 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const char *const names[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID" };
      const char *const values[] = { rows[i].socket, rows[i].us, rows[i].pid };

      for (unsigned j = 0; j < 3; j++)
        if (values[j])
          g_setenv (names[j], values[j], TRUE);
        else
          g_unsetenv (names[j]);
      g_assert_cmpint (p2p_notify_watchdog_us (), ==, rows[i].expected);
    }
  g_unsetenv ("NOTIFY_SOCKET");
  g_unsetenv ("WATCHDOG_USEC");
  g_unsetenv ("WATCHDOG_PID");
}

/* The watchdog
 * --------------------------------------------------------------------------------------- */

static P2pPool *
make_pool (void)
{
  const P2pPoolOptions options
      = { .name = "urgent", .threads_min = 1, .threads_max = 1, .queue_max = 10, .idle_ms = 30000 };
  g_autoptr (GError) error = NULL;
  P2pPool *pool = p2p_pool_new (&options, &error);

  g_assert_no_error (error);
  return pool;
}

static _Atomic bool release;
static _Atomic unsigned n_ran;

static void
hold_cb (P2pTask *task)
{
  int64_t until_us = p2p_deadline_ms (PATIENCE_MS);

  (void) task;
  while (!atomic_load (&release) && p2p_now_us () < until_us)
    g_usleep (500);
  atomic_fetch_add (&n_ran, 1);
}

static void
test_pings (void)
{
  char *path;
  int fd = manager_open (false, &path);
  g_autoptr (GError) error = NULL;
  P2pPool *pool = make_pool ();
  P2pWatchdog *watchdog;

  g_setenv ("WATCHDOG_USEC", "20000", TRUE);
  watchdog = p2p_watchdog_new (&pool, 1, 2, 30, &error);
  g_assert_no_error (error);
  for (unsigned i = 0; i < 5; i++)
    expect_datagram (fd, "WATCHDOG=1");
  p2p_watchdog_free (watchdog);
  g_unsetenv ("WATCHDOG_USEC");
  manager_close (fd, path);
  p2p_pool_free (pool);
}

/* A long task is no reason as long as none waits behind it. */
static void
test_no_reason (void)
{
  g_autoptr (GError) error = NULL;
  P2pPool *pool = make_pool ();
  P2pTask long_task = { .run = hold_cb };
  P2pWatchdog *watchdog;
  int64_t until_us;

  atomic_store (&release, false);
  atomic_store (&n_ran, 0);
  p2p_pool_submit (pool, &long_task);
  WAIT_FOR (p2p_pool_get_stats (pool).queued == 0);
  watchdog = p2p_watchdog_new (&pool, 1, 1, 20, &error);
  g_assert_no_error (error);
  until_us = p2p_deadline_ms (100);
  while (p2p_now_us () < until_us)
    g_usleep (1000);
  atomic_store (&release, true);
  g_assert_true (p2p_pool_stop (pool, p2p_deadline_ms (PATIENCE_MS)));
  g_assert_cmpuint (atomic_load (&n_ran), ==, 1);
  p2p_watchdog_free (watchdog);
  p2p_pool_free (pool);
}

static void
test_stuck (void)
{
  if (g_test_subprocess ())
    {
      P2pPool *pool = make_pool ();
      P2pTask tasks[3] = { { .run = hold_cb }, { .run = hold_cb }, { .run = hold_cb } };

      atomic_store (&release, false);
      for (unsigned i = 0; i < 3; i++)
        p2p_pool_submit (pool, &tasks[i]);
      /* Until the only thread has the first: the watchdog would be as right before that. */
      for (int64_t until_us = p2p_deadline_ms (PATIENCE_MS);
           p2p_pool_get_stats (pool).queued > 2 && p2p_now_us () < until_us;)
        g_usleep (500);
      (void) p2p_watchdog_new (&pool, 1, 10, 5, NULL);
      (void) p2p_pool_stop (pool, p2p_deadline_ms (PATIENCE_MS));
      return;
    }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr (
      "*pool 'urgent': 2 tasks wait and none is taken*task at *+0x* for *ms*");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  g_test_add_data_func ("/notify/path", GINT_TO_POINTER (0), test_notify);
  g_test_add_data_func ("/notify/abstract", GINT_TO_POINTER (1), test_notify);
  g_test_add_func ("/notify/nobody", test_notify_nobody);
  g_test_add_func ("/notify/watchdog-us", test_watchdog_us);
  g_test_add_func ("/watchdog/pings", test_pings);
  g_test_add_func ("/watchdog/no-reason", test_no_reason);
  g_test_add_func ("/watchdog/stuck", test_stuck);
  return g_test_run ();
}
