/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* How the agent holds its tunnel up: the real link on a thread, against a daemon that is played
 * by the test over plain TCP. */
#include "agent/agent.h"
#include "agent/report.h"

#include "lib/fd.h"
#include "lib/lock.h"
#include "lib/resolver-priv.h"
#include "tests/unit/stream-pairs.h"
#include "tests/unit/yamux-raw.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define WITHIN_MS 20000

/* How long the machine has slept, as the agent sees it. */
static atomic_int slept_s;
/* With each look at the clock it has slept again, and the agent looks every RESTLESS_MS. */
static atomic_bool restless;

#define RESTLESS_MS 50

int
clock_gettime (clockid_t clock, struct timespec *now)
{
  int rc = (int) syscall (SYS_clock_gettime, clock, now);

  if (rc == 0 && clock == CLOCK_BOOTTIME)
    now->tv_sec
        += atomic_load (&restless) ? atomic_fetch_add (&slept_s, 3) : atomic_load (&slept_s);
  return rc;
}

int
timerfd_settime (int fd, int flags, const struct itimerspec *wanted, struct itimerspec *ret_old)
{
  struct itimerspec spec = *wanted;

  if (atomic_load (&restless))
    spec.it_interval = spec.it_value = (struct timespec){ .tv_nsec = RESTLESS_MS * 1000000L };
  return (int) syscall (SYS_timerfd_settime, fd, flags, &spec, ret_old);
}

typedef struct
{
  int listener;
  int end_fd;
  pthread_t thread;
  int status;
} Place;

static void *
link_main (void *data)
{
  Place *place = data;

  place->status = link_run (place->end_fd);
  return NULL;
}

/* On the loopback address that is so far from the first; *port 0: any. False: the port is taken. */
static bool
listen_at (unsigned far, uint16_t *port, int *ret_fd)
{
  struct sockaddr_in in = { .sin_family = AF_INET,
                            .sin_addr.s_addr = htonl (INADDR_LOOPBACK + far),
                            .sin_port = htons (*port) };
  socklen_t len = sizeof in;

  *ret_fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind (*ret_fd, (struct sockaddr *) &in, len) != 0)
    {
      p2p_fd_close (ret_fd);
      return false;
    }
  g_assert_cmpint (listen (*ret_fd, 16), ==, 0);
  g_assert_cmpint (getsockname (*ret_fd, (struct sockaddr *) &in, &len), ==, 0);
  *port = ntohs (in.sin_port);
  return true;
}

/* Every name has two addresses. */
static int
look_up (const char *name, P2pAddress ret_addresses[P2P_ADDRESSES_MAX], unsigned *ret_n, void *data)
{
  (void) name;
  (void) data;
  g_assert_true (p2p_resolver_parse_address ("127.0.0.1", &ret_addresses[0]));
  g_assert_true (p2p_resolver_parse_address ("127.0.0.2", &ret_addresses[1]));
  *ret_n = 2;
  return 0;
}

/* The daemon listens there already; host: how the agent knows it. */
static void
place_start_at (Place *place, const char *host)
{
  P2pResolverOptions resolver
      = { .n_threads = 1, .cache_max = 1, .leave_after_ms = 500, .func = look_up };
  P2pPoolOptions pool
      = { .name = "agent", .threads_min = 1, .threads_max = 4, .queue_max = 16, .idle_ms = 1000 };

  agent.host = (char *) host;
  agent.authority = (char *) "127.0.0.1:1";
  agent.token = (char *) "token";
  agent.name = (char *) "name";
  agent.settings.agent_id = (char *) "id";
  agent.settings.management_url = (char *) "http://127.0.0.1:1";
  agent.settings.agent_max_streams = 100;
  agent.settings.shutdown_drain_ms = 0;
  agent.daemon_resolver = p2p_resolver_new_full (&resolver, NULL);
  agent.budget = p2p_yamux_budget_new (1 << 20);
  agent.pool = p2p_pool_new (&pool, NULL);
  g_assert_true (report_setup (NULL));
  place->end_fd = eventfd (0, EFD_CLOEXEC);
  P2P_PTHREAD (pthread_create (&place->thread, NULL, link_main, place));
}

static void
place_start (Place *place)
{
  agent.port = 0;
  g_assert_true (listen_at (0, &agent.port, &place->listener));
  place_start_at (place, "127.0.0.1");
}

static void
place_end_link (Place *place)
{
  uint64_t one = 1;

  g_assert_cmpint (write (place->end_fd, &one, sizeof one), ==, sizeof one);
}

static void
place_stop (Place *place)
{
  P2P_PTHREAD (pthread_join (place->thread, NULL));
  g_assert_cmpint (place->status, ==, 0);
  p2p_fd_close (&place->listener);
  p2p_fd_close (&place->end_fd);
  while (!p2p_pool_stop (agent.pool, p2p_deadline_ms (1000)))
    ; /* a report has a deadline of its own */
  p2p_pool_free (agent.pool);
  report_teardown ();
  p2p_yamux_budget_unref (agent.budget);
  p2p_resolver_free (agent.daemon_resolver);
}

static bool
readable (int fd, int within_ms)
{
  struct pollfd pfd = { .fd = fd, .events = POLLIN };

  return poll (&pfd, 1, within_ms) == 1;
}

static int
must_accept (Place *place)
{
  int fd;

  g_assert_true (readable (place->listener, WITHIN_MS));
  fd = accept4 (place->listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  return fd;
}

/* The request's first byte tells a tunnel from a report. */
static bool
read_request (int fd)
{
  char buf[2048];
  size_t n = 0;

  do
    {
      ssize_t got;

      g_assert_true (readable (fd, WITHIN_MS));
      got = recv (fd, buf + n, sizeof buf - 1 - n, 0);
      g_assert_cmpint (got, >, 0);
      n += (size_t) got;
      buf[n] = '\0';
    }
  while (!strstr (buf, "\r\n\r\n"));
  return buf[0] == 'G';
}

static void
welcome (int fd)
{
  static const char text[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                             "Upgrade: p2pstream-yamux\r\nX-P2PStream-Tunnel-Version: 1\r\n\r\n";

  g_assert_cmpint (send (fd, text, sizeof text - 1, MSG_NOSIGNAL), ==, sizeof text - 1);
}

/* The next connection that asks for a tunnel; reports are sent away. */
static int
accept_asking (Place *place)
{
  for (;;)
    {
      p2p_autofd fd = must_accept (place);

      if (read_request (fd))
        return g_steal_fd (&fd);
    }
}

/* ... and gets it. */
static int
accept_tunnel (Place *place)
{
  int fd = accept_asking (place);

  welcome (fd);
  return fd;
}

/* The agent ends, and says so on its tunnel. */
static void
place_end (Place *place, int tunnel)
{
  place_end_link (place);
  (void) raw_expect (tunnel, YAMUX_GO_AWAY, 0, 0);
  place_stop (place);
}

static void
assert_alive (int fd)
{
  raw_send (fd, YAMUX_PING, YAMUX_SYN, 0, 4711, NULL);
  g_assert_cmpuint (raw_expect (fd, YAMUX_PING, YAMUX_ACK, 0).length, ==, 4711);
}

static void
read_to_end (int fd)
{
  char waste[256];
  ssize_t n;

  do
    {
      g_assert_true (readable (fd, WITHIN_MS));
      n = recv (fd, waste, sizeof waste, 0);
    }
  while (n > 0);
}

/* The daemon ends: the next tunnel comes at once, while a stream of the old one goes on. */
static void
test_goes_away (void)
{
  Place place;
  p2p_autofd first = -1, second = -1;
  int64_t since_us;

  place_start (&place);
  first = accept_tunnel (&place);
  raw_send (first, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 2, 0, NULL);
  (void) raw_expect (first, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 2);
  since_us = p2p_now_us ();
  raw_send (first, YAMUX_GO_AWAY, 0, 0, 0, NULL);
  second = accept_tunnel (&place);
  g_assert_cmpint (p2p_now_us () - since_us, >=, 90000);
  g_test_message ("asked again after %.1f s", (double) (p2p_now_us () - since_us) / 1e6);
  assert_alive (second);
  assert_alive (first);
  raw_send (first, YAMUX_WINDOW_UPDATE, YAMUX_RST, 2, 0, NULL);
  p2p_fd_close (&first);
  assert_alive (second);
  place_end (&place, second);
}

/* Tunnels that the daemon leaves open for ever are not kept for ever. */
static void
test_too_many_old (void)
{
  Place place;
  int fds[4];

  place_start (&place);
  for (unsigned i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      for (unsigned j = 0; j < i; j++)
        assert_alive (fds[j]);
      fds[i] = accept_tunnel (&place);
      raw_send (fds[i], YAMUX_GO_AWAY, 0, 0, 0, NULL);
    }
  read_to_end (fds[0]);
  assert_alive (fds[1]);
  assert_alive (fds[3]);
  place_end_link (&place);
  for (unsigned i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      read_to_end (fds[i]);
      p2p_fd_close (&fds[i]);
    }
  place_stop (&place);
}

/* A try that hangs keeps no other from beginning; it asks when its turn comes, or not at all. */
static void
test_hanging_try (void)
{
  Place place;
  p2p_autofd first = -1, second = -1;
  int64_t since_us
      = p2p_now_us (); /* the first try begins later, and some time before it is seen */

  place_start (&place);
  first = accept_asking (&place);
  second = must_accept (&place);
  g_test_message ("tried again after %.1f s", (double) (p2p_now_us () - since_us) / 1e6);
  g_assert_cmpint (p2p_now_us () - since_us, >=, 3000000);
  g_assert_false (readable (second, 0));
  welcome (first);
  assert_alive (first);
  read_to_end (second); /* without a request, which would have taken the first one's place */
  place_end (&place, first);
}

/* A try that began before the machine slept is given up, the next one asks at once. */
static void
test_resume (void)
{
  Place place;
  p2p_autofd first = -1, second = -1;
  int64_t since_us;

  place_start (&place);
  first = accept_asking (&place);
  atomic_fetch_add (&slept_s, 3600);
  second = accept_asking (&place);
  read_to_end (first);
  welcome (second);
  (void) raw_expect (second, YAMUX_PING, YAMUX_SYN, 0); /* the first, for the round trip */
  assert_alive (second);
  /* And a tunnel is asked whether it lives, long before the next ping is due. */
  since_us = p2p_now_us ();
  atomic_fetch_add (&slept_s, 3600);
  (void) raw_expect (second, YAMUX_PING, YAMUX_SYN, 0);
  g_assert_cmpint (p2p_now_us () - since_us, <, 10000000);
  place_end (&place, second);
}

static void
turn_away (int listener)
{
  p2p_autofd fd = -1;

  g_assert_true (readable (listener, WITHIN_MS));
  fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
}

/* Of two addresses the first is that of a machine that takes connections and is not the daemon: the
 * next try begins with the other one, and so do reports and the next tunnel. */
static void
test_other_address (void)
{
  Place place;
  p2p_autofd other = -1, first = -1, report = -1, second = -1;

  do
    {
      p2p_fd_close (&other);
      agent.port = 0;
      g_assert_true (listen_at (0, &agent.port, &other));
    }
  while (!listen_at (1, &agent.port, &place.listener));
  place_start_at (&place, "daemon.test");
  turn_away (other);
  first = accept_tunnel (&place);
  report = must_accept (&place);
  g_assert_false (read_request (report));
  raw_send (first, YAMUX_GO_AWAY, 0, 0, 0, NULL);
  second = accept_tunnel (&place);
  assert_alive (second);
  g_assert_false (readable (other, 0));
  place_end (&place, second);
}

/* A connection that asks for a tunnel and is left alone for a while, or -1. */
static int
accept_patient (Place *place)
{
  p2p_autofd fd = must_accept (place);
  char byte;

  g_assert_true (readable (fd, WITHIN_MS));
  if (recv (fd, &byte, 1, MSG_PEEK) != 1 || !read_request (fd) || readable (fd, 1500))
    return -1; /* a stop was sooner */
  return g_steal_fd (&fd);
}

/* The network changes several times a second, for ever: a try that takes its time gets through
 * nevertheless. */
static void
test_restless (void)
{
  Place place;
  p2p_autofd fd = -1;

  atomic_store (&restless, true);
  place_start (&place);
  for (unsigned i = 0; i < 12 && fd < 0; i++)
    fd = accept_patient (&place);
  g_assert_cmpint (fd, >=, 0);
  welcome (fd);
  assert_alive (fd);
  atomic_store (&restless, false);
  place_end (&place, fd);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/link/goes-away", test_goes_away);
  g_test_add_func ("/link/too-many-old", test_too_many_old);
  g_test_add_func ("/link/hanging-try", test_hanging_try);
  g_test_add_func ("/link/resume", test_resume);
  g_test_add_func ("/link/other-address", test_other_address);
  g_test_add_func ("/link/restless", test_restless);
  return g_test_run ();
}
