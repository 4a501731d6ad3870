/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The agent's way to an origin (security case 13), with a DNS that the test commands: names that
 * change, names of good and bad addresses; and how much of what is denied is written to the log. */
#include "agent/agent.h"
#include "agent/denials.h"
#include "agent/judge.h"

#include "lib/fd.h"
#include "lib/lock.h"
#include "lib/resolver-priv.h"
#include "tests/unit/put-address.h"

#include <glib.h>
#include <netdb.h>
#include <poll.h>
#include <unistd.h>

#define SOON_MS 20000

/* A DNS that gives each answer once, and the last one from then on. */
typedef struct
{
  const char *answers[3][3];
  atomic_uint n_asked;
} Dns;

static int
fake_lookup (const char *name,
             P2pAddress ret_addresses[P2P_ADDRESSES_MAX],
             unsigned *ret_n,
             void *data)
{
  Dns *dns = data;
  unsigned i = atomic_fetch_add (&dns->n_asked, 1), n = 0;

  (void) name;
  i = MIN (i, G_N_ELEMENTS (dns->answers) - 1);
  for (; n < G_N_ELEMENTS (dns->answers[i]) && dns->answers[i][n]; n++)
    ret_addresses[n].len = put_address (dns->answers[i][n], &ret_addresses[n].address);
  *ret_n = n;
  return n > 0 ? 0 : EAI_NONAME;
}

/* Nothing is fresh for any time: each question of a connection is one of DNS. */
static void
agent_set_up (Dns *dns, const char *allow, const char *deny)
{
  P2pResolverOptions options = { .n_threads = 1,
                                 .cache_max = 4,
                                 .stale_after_ms = SOON_MS,
                                 .leave_after_ms = SOON_MS,
                                 .func = fake_lookup,
                                 .data = dns };
  g_auto (GStrv) allowed = g_strsplit (allow, ",", -1), denied = g_strsplit (deny, ",", -1);
  g_autoptr (GError) error = NULL;

  agent.allow = allow_new (allowed, denied, &error);
  g_assert_no_error (error);
  agent.resolver = p2p_resolver_new_full (&options, &error);
  g_assert_no_error (error);
}

static void
agent_clear (void)
{
  g_clear_pointer (&agent.resolver, p2p_resolver_free);
  g_clear_pointer (&agent.allow, allow_free);
}

static int
listen_on (const char *address, uint16_t port)
{
  struct sockaddr_storage to;
  socklen_t n = put_address (address, &to);
  int fd = socket (to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  ((struct sockaddr_in *) &to)->sin_port = htons (port);
  g_assert_cmpint (fd, >=, 0);
  if (bind (fd, (struct sockaddr *) &to, n) == 0 && listen (fd, 8) == 0)
    return fd;
  (void) close (fd); /* the port is taken there */
  return -1;
}

/* Two listeners, one port. */
static uint16_t
listen_twice (int *ret_one, int *ret_two)
{
  for (unsigned i = 0; i < 100; i++)
    {
      struct sockaddr_in in;
      socklen_t n = sizeof in;

      *ret_one = listen_on ("127.0.0.1", 0);
      g_assert_cmpint (getsockname (*ret_one, (struct sockaddr *) &in, &n), ==, 0);
      *ret_two = listen_on ("127.0.0.2", ntohs (in.sin_port));
      if (*ret_two >= 0)
        return ntohs (in.sin_port);
      (void) close (*ret_one);
    }
  g_assert_not_reached ();
}

/* Whether somebody has connected; waits for it if that is what should be. */
static bool
was_reached (int fd, bool expected)
{
  struct pollfd item = { .fd = fd, .events = POLLIN };
  p2p_autofd conn = -1;

  g_assert_cmpint (poll (&item, 1, expected ? SOON_MS : 0), >=, 0);
  conn = accept4 (fd, NULL, NULL, SOCK_CLOEXEC);
  return conn >= 0;
}

/* True: connected. Else *ret_denied. */
static bool
connect_once (const char *host, uint16_t port, const char **ret_denied)
{
  P2pStream *strm = NULL;
  P2pIo io = judge_and_connect (host, port, p2p_deadline_ms (SOON_MS), &strm, ret_denied);

  g_assert_cmpint (io, ==, strm ? P2P_IO_OK : P2P_IO_REFUSED);
  if (strm)
    p2p_stream_close (strm);
  return strm;
}

/* The name is good when it is judged and bad at the next question: there is no next question. */
static void
test_rebinding (void)
{
  Dns dns = { .answers = { { "127.0.0.2" }, { "127.0.0.1" }, { "169.254.169.254" } } };
  p2p_autofd bad = -1, good = -1;
  uint16_t port = listen_twice (&bad, &good);
  const char *denied;

  agent_set_up (&dns, "127.0.0.2", "");
  g_assert_true (connect_once ("changes.example", port, &denied));
  g_assert_cmpuint (dns.n_asked, ==, 1);
  g_assert_true (was_reached (good, true));
  for (unsigned i = 2; i <= 3; i++)
    {
      g_assert_false (connect_once ("changes.example", port, &denied));
      g_assert_cmpstr (denied, ==, allow_verdict_text (ALLOW_UNLISTED));
      g_assert_cmpuint (dns.n_asked, ==, i);
    }
  g_assert_false (was_reached (bad, false));
  g_assert_false (was_reached (good, false));
  agent_clear ();
}

/* Of what a name stands for the bad ones are left out, whatever their place. */
static void
test_good_and_bad (void)
{
  static const char *const denies[] = { "127.0.0.1", "127.0.0.2" };
  Dns dns = { .answers = { { "127.0.0.1", "127.0.0.2" },
                           { "127.0.0.1", "127.0.0.2" },
                           { "127.0.0.1", "169.254.169.254", "fd00:ec2::254" } } };
  p2p_autofd one = -1, two = -1;
  uint16_t port = listen_twice (&one, &two);
  const char *denied;

  for (unsigned i = 0; i < G_N_ELEMENTS (denies); i++)
    {
      agent_set_up (&dns, "", denies[i]);
      g_assert_true (connect_once ("both.example", port, &denied));
      g_assert_true (was_reached (i == 0 ? two : one, true));
      g_assert_false (was_reached (i == 0 ? one : two, false));
      agent_clear ();
    }
  agent_set_up (&dns, "", "127.0.0.0/8");
  g_assert_false (connect_once ("both.example", port, &denied));
  g_assert_cmpstr (denied, ==, allow_verdict_text (ALLOW_DENIED));
  g_assert_false (was_reached (one, false) || was_reached (two, false));
  agent_clear ();
}

/* A name that no address could make good is not told to DNS. */
static void
test_not_asked (void)
{
  static const struct
  {
    const char *allow, *deny;
  } lists[] = {
    { "a.example", "" },
    { "127.0.0.1:1", "" },
    { "", "secret.example" },
    { "secret.example", "*.example" },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (lists); i++)
    {
      Dns dns = { .answers = { { "127.0.0.1" } } };
      const char *denied = NULL;

      agent_set_up (&dns, lists[i].allow, lists[i].deny);
      g_assert_false (connect_once ("secret.example", 2, &denied));
      g_assert_nonnull (denied);
      g_assert_cmpuint (dns.n_asked, ==, 0);
      agent_clear ();
    }
}

/* What DNS doesn't know is not denied, it is not there. */
static void
test_unknown_name (void)
{
  Dns dns = { 0 };
  const char *denied;

  agent_set_up (&dns, "*.example", "");
  g_assert_false (connect_once ("nobody.example", 80, &denied));
  g_assert_null (denied);
  g_assert_cmpuint (dns.n_asked, ==, 1);
  g_assert_false (connect_once ("unix:/run/x", 80, &denied));
  g_assert_nonnull (denied);
  agent_clear ();
}

/* --- the log ---------------------------------------------------------------------------------- */

static void
test_window (void)
{
  DenialsWindow window = { 0 };
  int64_t now_us = 5, end_us = now_us + DENIALS_WINDOW_MS * INT64_C (1000);

  g_assert_cmpuint (denials_window_end (&window, now_us), ==, 0);
  for (unsigned i = 0; i < DENIALS_LINES; i++)
    g_assert_true (denials_window_take (&window, now_us));
  for (unsigned i = 0; i < 3; i++)
    g_assert_false (denials_window_take (&window, end_us - 1));
  g_assert_cmpuint (denials_window_end (&window, end_us - 1), ==, 0);
  g_assert_cmpuint (denials_window_end (&window, end_us), ==, 3);
  g_assert_cmpuint (denials_window_end (&window, end_us), ==, 0);
  g_assert_true (denials_window_take (&window, end_us));
  g_assert_cmpuint (denials_window_end (&window, end_us + DENIALS_WINDOW_MS * 1000), ==, 0);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/judge/rebinding", test_rebinding);
  g_test_add_func ("/judge/good-and-bad", test_good_and_bad);
  g_test_add_func ("/judge/not-asked", test_not_asked);
  g_test_add_func ("/judge/unknown-name", test_unknown_name);
  g_test_add_func ("/judge/window", test_window);
  return g_test_run ();
}
