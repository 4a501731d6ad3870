/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Connecting to names and addresses: the order of attempts, deadlines, being told to stop. */
#include "lib/fd.h"
#include "lib/stream-tcp-priv.h"
#include "tests/unit/fake-dns.h"
#include "tests/unit/put-address.h"

#include <errno.h>
#include <glib.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

/* Listens on address:port (0: the kernel's choice), tells the port; -1 when somebody has it. */
static int
listen_on (const char *address, int backlog, uint16_t *port)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons (*port) };
  socklen_t len = sizeof in;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (inet_pton (AF_INET, address, &in.sin_addr), ==, 1);
  if (bind (fd, (struct sockaddr *) &in, len) != 0)
    {
      g_assert_cmpint (errno, ==, EADDRINUSE);
      p2p_fd_close (&fd);
      return -1;
    }
  g_assert_cmpint (listen (fd, backlog), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &in, &len), ==, 0);
  *port = ntohs (in.sin_port);
  return fd;
}

static P2pIo
connect_to (P2pResolver *resolver, const char *host, uint16_t port, int64_t deadline_us)
{
  P2pStream *strm = NULL;
  P2pIo io = p2p_connect (resolver, p2p_span_from_string (host), port, deadline_us, &strm);
  int error = errno;

  g_assert_cmpint (io == P2P_IO_OK, ==, strm != NULL);
  p2p_stream_close (strm);
  errno = error;
  return io;
}

static void
test_connect (void)
{
  Dns dns = { .addresses = { "127.0.0.2", "127.0.0.3", "127.0.0.1" } };
  P2pResolver *resolver = dns_resolver_new (&dns, 60000, 60000, 4);
  uint16_t port = 0;
  p2p_autofd listener = listen_on ("127.0.0.1", 8, &port);
  int64_t shortest_us = INT64_MAX;

  g_assert_cmpint (connect_to (resolver, "127.0.0.1", port, SOON), ==, P2P_IO_OK);
  /* Two addresses refuse: the third is tried at once, not half a second later; the best of some
   * tries tells, whatever else this machine does. */
  for (unsigned i = 0; i < 10 && shortest_us >= 200000; i++)
    {
      int64_t begun_us = p2p_now_us ();

      g_assert_cmpint (connect_to (resolver, "name.test", port, SOON), ==, P2P_IO_OK);
      shortest_us = MIN (shortest_us, p2p_now_us () - begun_us);
    }
  g_assert_cmpint (shortest_us, <, 200000);
  p2p_fd_close (&listener);
  g_assert_cmpint (connect_to (resolver, "127.0.0.1", port, SOON), ==, P2P_IO_REFUSED);
  g_assert_cmpint (errno, ==, ECONNREFUSED);
  g_assert_cmpint (connect_to (resolver, "name.test", port, SOON), ==, P2P_IO_REFUSED);
  g_assert_cmpint (errno, ==, ECONNREFUSED);
  dns_resolver_free (resolver, &dns);
}

/* A listener whose backlog is full answers nothing. */
static void
fill_backlog (const char *address, uint16_t port, int fds[4])
{
  P2pAddress to;

  to.len = put_address (address, &to.address);
  ((struct sockaddr_in *) &to.address)->sin_port = htons (port);
  for (unsigned i = 0; i < 4; i++)
    g_assert_cmpint (
        p2p_stream_tcp_connect_begin ((struct sockaddr *) &to.address, to.len, &fds[i]), ==, 0);
}

static void
test_happy_eyeballs (void)
{
  Dns dns = { .addresses = { "127.0.0.2", "127.0.0.1" } };
  P2pResolver *resolver = dns_resolver_new (&dns, 60000, 60000, 4);
  uint16_t port = 0;
  p2p_autofd good = -1;
  p2p_autofd silent = -1;
  int fds[4];
  int64_t begun;

  /* A port that is free on both. */
  for (unsigned i = 0; i < 100 && silent < 0; i++)
    {
      port = 0;
      p2p_fd_close (&good);
      good = listen_on ("127.0.0.1", 8, &port);
      silent = listen_on ("127.0.0.2", 0, &port);
    }
  g_assert_cmpint (silent, >=, 0);
  fill_backlog ("127.0.0.2", port, fds);
  begun = p2p_now_us ();
  g_assert_cmpint (connect_to (resolver, "name.test", port, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_now_us () - begun, >=, 240000);
  g_assert_cmpint (connect_to (resolver, "127.0.0.2", port, p2p_deadline_ms (20)), ==,
                   P2P_IO_TIMEOUT);
  /* The deadline holds for all attempts together. */
  begun = p2p_now_us ();
  g_assert_cmpint (connect_to (resolver, "name.test", port, p2p_deadline_ms (20)), ==,
                   P2P_IO_TIMEOUT);
  g_assert_cmpint (p2p_now_us () - begun, <, 5000000);
  for (unsigned i = 0; i < 4; i++)
    p2p_fd_close (&fds[i]);
  dns_resolver_free (resolver, &dns);
}

/* Who waits for a connection that nobody answers can be told to stop. */
static void
test_stopped (void)
{
  uint16_t port = 0;
  p2p_autofd silent = listen_on ("127.0.0.2", 0, &port);
  p2p_autofd bell = eventfd (1, EFD_CLOEXEC);
  P2pStream *strm = NULL;
  P2pAddress address;
  int64_t begun = p2p_now_us ();
  int fds[4];

  fill_backlog ("127.0.0.2", port, fds);
  address.len = put_address ("127.0.0.2", &address.address);
  ((struct sockaddr_in *) &address.address)->sin_port = htons (port);
  g_assert_cmpint (p2p_connect_addresses_unless (&address, 1, bell, SOON, &strm), ==,
                   P2P_IO_STOPPED);
  g_assert_null (strm);
  g_assert_cmpint (p2p_now_us () - begun, <, 10000000);
  for (unsigned i = 0; i < 4; i++)
    p2p_fd_close (&fds[i]);
}

static void
test_unix (void)
{
  g_autofree char *dir = g_dir_make_tmp ("p2pstream-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "s", NULL);
  g_autofree char *host = g_strconcat ("unix:", path, NULL);
  p2p_autofd listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_assert_cmpint (connect_to (NULL, host, 0, SOON), ==, P2P_IO_REFUSED);
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (bind (listener, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (listener, 0), ==, 0);
  g_assert_cmpint (connect_to (NULL, host, 0, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (connect_to (NULL, host, 0, p2p_deadline_ms (20)), ==, P2P_IO_TIMEOUT);
  g_assert_cmpint (connect_to (NULL, "unix:relative", 0, SOON), ==, P2P_IO_REFUSED);
  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_cmpint (rmdir (dir), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  g_test_add_func ("/connect/addresses", test_connect);
  g_test_add_func ("/connect/happy-eyeballs", test_happy_eyeballs);
  g_test_add_func ("/connect/stopped", test_stopped);
  g_test_add_func ("/connect/unix", test_unix);
  return g_test_run ();
}
