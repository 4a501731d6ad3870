/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Names to addresses, with a look-up function that the test commands. */
#include "tests/unit/fake-dns.h"

#include <arpa/inet.h>
#include <glib.h>
#include <netdb.h>

static P2pIo
lookup (P2pResolver *resolver,
        const char *host,
        P2pAddress *addresses,
        unsigned *n,
        int64_t deadline)
{
  return p2p_resolver_lookup (resolver, p2p_span_from_string (host), 80, addresses, n, deadline);
}

static void
assert_address (const P2pAddress *address, const char *text, uint16_t port)
{
  char host[100], service[10];

  g_assert_cmpint (getnameinfo ((const struct sockaddr *) &address->address, address->len, host,
                                sizeof host, service, sizeof service,
                                NI_NUMERICHOST | NI_NUMERICSERV),
                   ==, 0);
  g_assert_cmpstr (host, ==, text);
  g_assert_cmpint (atoi (service), ==, port);
}

static void
test_numeric (void)
{
  static const struct
  {
    const char *host;
    P2pIo io;
    const char *address;
  } rows[] = {
    { "127.0.0.1", P2P_IO_OK, "127.0.0.1" },
    { "::1", P2P_IO_OK, "::1" },
    { "2001:DB8::7", P2P_IO_OK, "2001:db8::7" },
    { "::ffff:10.0.0.1", P2P_IO_OK, "::ffff:10.0.0.1" },
    { "", P2P_IO_REFUSED, NULL },
    { "[::1]", P2P_IO_REFUSED, NULL },
    { "1::2::3", P2P_IO_REFUSED, NULL },
    { "a b", P2P_IO_REFUSED, NULL },
    { "a/b", P2P_IO_REFUSED, NULL },
    { "x%y", P2P_IO_REFUSED, NULL },
  };
  Dns dns = { .rc = EAI_FAIL };
  P2pResolver *resolver = dns_resolver_new (&dns, 1000, 1000, 4);
  char long_name[300];

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      P2pAddress addresses[P2P_ADDRESSES_MAX];
      unsigned n = 0;

      g_assert_cmpint (lookup (resolver, rows[i].host, addresses, &n, P2P_TRY), ==, rows[i].io);
      if (rows[i].address)
        {
          g_assert_cmpuint (n, ==, 1);
          assert_address (&addresses[0], rows[i].address, 80);
        }
    }
  memset (long_name, 'a', sizeof long_name);
  g_assert_cmpint (p2p_resolver_lookup (resolver, (P2pSpan){ long_name, 254 }, 1, NULL, NULL, SOON),
                   ==, P2P_IO_REFUSED);
  g_assert_cmpint (p2p_resolver_lookup (resolver, (P2pSpan){ "a\0b", 3 }, 1, NULL, NULL, SOON), ==,
                   P2P_IO_REFUSED);
  g_assert_cmpuint (dns_asked (&dns), ==, 0);
  dns_resolver_free (resolver, &dns);
}

static void
test_order_and_cache (void)
{
  Dns dns = { .addresses = { "2001:db8::1", "2001:db8::2", "10.0.0.1", "10.0.0.2" } };
  P2pResolver *resolver = dns_resolver_new (&dns, 60000, 60000, 4);
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n = 0;

  for (unsigned i = 0; i < 3; i++)
    {
      g_assert_cmpint (lookup (resolver, i ? "name.test" : "NAME.test", addresses, &n, SOON), ==,
                       P2P_IO_OK);
      g_assert_cmpuint (n, ==, 4);
      assert_address (&addresses[0], "2001:db8::1", 80);
      assert_address (&addresses[1], "10.0.0.1", 80);
      assert_address (&addresses[2], "2001:db8::2", 80);
      assert_address (&addresses[3], "10.0.0.2", 80);
    }
  g_assert_cmpuint (dns_asked (&dns), ==, 1);
  dns_resolver_free (resolver, &dns);
}

static void
test_failures (void)
{
  Dns dns = { .rc = EAI_NONAME };
  P2pResolver *resolver = dns_resolver_new (&dns, 60000, 60000, 4);
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n = 0;

  g_assert_cmpint (lookup (resolver, "none.test", addresses, &n, SOON), ==, P2P_IO_REFUSED);
  g_assert_cmpint (lookup (resolver, "none.test", addresses, &n, SOON), ==, P2P_IO_REFUSED);
  g_assert_cmpuint (dns_asked (&dns), ==, 1); /* believed for a while */
  dns_set (&dns, EAI_AGAIN, false);
  g_assert_cmpint (lookup (resolver, "trouble.test", addresses, &n, SOON), ==, P2P_IO_TIMEOUT);
  dns_resolver_free (resolver, &dns);
}

/* The name has an answer each time, until DNS was asked for it once more: on a busy machine the one
 * of before is given before the question is put. Answers how often it was asked in all. */
static unsigned
lookup_until_asked (P2pResolver *resolver, const char *name, Dns *dns)
{
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned before = dns_asked (dns), n;

  do
    {
      n = 0;
      g_assert_cmpint (lookup (resolver, name, addresses, &n, SOON), ==, P2P_IO_OK);
      g_assert_cmpuint (n, ==, 1);
    }
  while (dns_asked (dns) == before);
  return dns_asked (dns);
}

static void
test_stale (void)
{
  Dns dns = { .addresses = { "10.0.0.1" } };
  P2pResolver *resolver = dns_resolver_new (&dns, 0, 0, 4);
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n = 0, n_asked;

  g_assert_cmpint (lookup (resolver, "a.test", addresses, &n, SOON), ==, P2P_IO_OK);
  /* In trouble, then silent: the old answer serves. */
  dns_set (&dns, EAI_AGAIN, false);
  (void) lookup_until_asked (resolver, "a.test", &dns);
  dns_set (&dns, 0, true);
  n_asked = lookup_until_asked (resolver, "a.test", &dns);
  /* Without an old answer the deadline counts. */
  g_assert_cmpint (lookup (resolver, "b.test", addresses, &n, p2p_deadline_ms (5)), ==,
                   P2P_IO_TIMEOUT);
  /* "No such name" is an answer: the old one is gone. */
  dns_await (&dns, n_asked + 1);
  dns_set (&dns, EAI_NONAME, false);
  for (P2pIo io = P2P_IO_OK; io != P2P_IO_REFUSED;)
    io = lookup (resolver, "a.test", addresses, &n, SOON);
  dns_resolver_free (resolver, &dns);
}

static void
test_limit (void)
{
  Dns dns = { .addresses = { "10.0.0.1" } };
  P2pResolver *resolver = dns_resolver_new (&dns, 60000, 60000, 2);
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n = 0;

  /* The oldest name goes. */
  g_assert_cmpint (lookup (resolver, "a.test", addresses, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (lookup (resolver, "b.test", addresses, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (lookup (resolver, "c.test", addresses, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (lookup (resolver, "b.test", addresses, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpuint (dns_asked (&dns), ==, 3);
  g_assert_cmpint (lookup (resolver, "a.test", addresses, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpuint (dns_asked (&dns), ==, 4);
  /* Names that are being looked up stay: a flood of new ones is refused. */
  dns_set (&dns, 0, true);
  g_assert_cmpint (lookup (resolver, "x.test", addresses, &n, P2P_TRY), ==, P2P_IO_TIMEOUT);
  g_assert_cmpint (lookup (resolver, "y.test", addresses, &n, P2P_TRY), ==, P2P_IO_TIMEOUT);
  g_assert_cmpint (lookup (resolver, "z.test", addresses, &n, P2P_TRY), ==, P2P_IO_OVERFLOW);
  dns_resolver_free (resolver, &dns);
}

typedef struct
{
  P2pResolver *resolver;
  P2pIo io;
} Asker;

static void *
asker_main (void *data)
{
  Asker *asker = data;
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n;

  asker->io = lookup (asker->resolver, "one.test", addresses, &n, SOON);
  return NULL;
}

/* Many ask, one look-up is made. */
static void
test_shared (void)
{
  Dns dns = { .addresses = { "10.0.0.1" }, .silent = true };
  P2pResolver *resolver = dns_resolver_new (&dns, 60000, 60000, 4);
  Asker askers[8];
  pthread_t threads[8];

  for (unsigned i = 0; i < 8; i++)
    {
      askers[i] = (Asker){ .resolver = resolver, .io = P2P_IO_SYS };
      P2P_PTHREAD (pthread_create (&threads[i], NULL, asker_main, &askers[i]));
    }
  dns_await (&dns, 1);
  dns_set (&dns, 0, false);
  for (unsigned i = 0; i < 8; i++)
    {
      P2P_PTHREAD (pthread_join (threads[i], NULL));
      g_assert_cmpint (askers[i].io, ==, P2P_IO_OK);
    }
  g_assert_cmpuint (dns_asked (&dns), ==, 1);
  dns_resolver_free (resolver, &dns);
}

static P2pIo
lookup_fresh (P2pResolver *resolver, const char *host, P2pAddress *addresses, unsigned *n)
{
  return p2p_resolver_lookup_fresh (resolver, p2p_span_from_string (host), 80, addresses, n, SOON);
}

/* Nothing that was found before is believed, neither good nor bad. */
static void
test_fresh (void)
{
  Dns dns = { .addresses = { "10.0.0.1" } };
  P2pResolver *resolver = dns_resolver_new (&dns, 60000, 60000, 4);
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n = 0;

  g_assert_cmpint (lookup_fresh (resolver, "a.test", addresses, &n), ==, P2P_IO_OK);
  assert_address (&addresses[0], "10.0.0.1", 80);
  dns_set_address (&dns, "10.0.0.2");
  g_assert_cmpint (lookup (resolver, "a.test", addresses, &n, SOON), ==, P2P_IO_OK);
  assert_address (&addresses[0], "10.0.0.1", 80);
  /* A loaded machine may take longer than the answer of before is given up for. */
  do
    g_assert_cmpint (lookup_fresh (resolver, "a.test", addresses, &n), ==, P2P_IO_OK);
  while (((struct sockaddr_in *) &addresses[0].address)->sin_addr.s_addr != inet_addr ("10.0.0.2"));
  g_assert_cmpint (lookup (resolver, "a.test", addresses, &n, SOON), ==, P2P_IO_OK);
  assert_address (&addresses[0], "10.0.0.2", 80);

  dns_set (&dns, EAI_AGAIN, false);
  g_assert_cmpint (lookup_fresh (resolver, "b.test", addresses, &n), ==, P2P_IO_TIMEOUT);
  dns_set (&dns, 0, false);
  g_assert_cmpint (lookup (resolver, "b.test", addresses, &n, SOON), ==, P2P_IO_TIMEOUT);
  g_assert_cmpint (lookup_fresh (resolver, "b.test", addresses, &n), ==, P2P_IO_OK);
  /* The addresses of before serve in trouble. */
  dns_set (&dns, EAI_AGAIN, false);
  g_assert_cmpint (lookup_fresh (resolver, "b.test", addresses, &n), ==, P2P_IO_OK);
  dns_set (&dns, EAI_NONAME, false);
  for (P2pIo io = P2P_IO_OK; io != P2P_IO_REFUSED;)
    io = lookup_fresh (resolver, "b.test", addresses, &n);
  dns_resolver_free (resolver, &dns);
}

/* One that hangs keeps no other from asking beside it, and changes nothing when it ends at last. */
static void
test_fresh_beside_hanging (void)
{
  Dns dns = { .hang = 2 };
  P2pResolver *resolver = dns_resolver_new (&dns, 60000, 60000, 4);
  Asker asker = { .resolver = resolver, .io = P2P_IO_SYS };
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  pthread_t thread;
  unsigned n = 0;

  P2P_PTHREAD (pthread_create (&thread, NULL, asker_main, &asker));
  dns_await (&dns, 1);
  g_assert_cmpint (p2p_resolver_lookup_fresh (resolver, P2P_SPAN ("one.test"), 80, addresses, &n,
                                              p2p_deadline_ms (5)),
                   ==, P2P_IO_TIMEOUT);
  dns_await (&dns, 2);
  dns_set_address (&dns, "10.0.0.7");
  g_assert_cmpint (lookup_fresh (resolver, "one.test", addresses, &n), ==, P2P_IO_OK);
  assert_address (&addresses[0], "10.0.0.7", 80);
  /* Who waits for the one that hangs is served as well. */
  P2P_PTHREAD (pthread_join (thread, NULL));
  g_assert_cmpint (asker.io, ==, P2P_IO_OK);

  dns_release (&dns, EAI_NONAME);
  g_assert_cmpint (lookup (resolver, "one.test", addresses, &n, SOON), ==, P2P_IO_OK);
  assert_address (&addresses[0], "10.0.0.7", 80);
  dns_resolver_free (resolver, &dns);
}

/* Who waits is told at once, and those that the name server keeps are left behind. */
static void
test_stop (void)
{
  Dns dns = { .hang = 2, .left = true };
  P2pResolver *resolver = dns_resolver_new (&dns, 60000, 60000, 4);
  Asker asker = { .resolver = resolver, .io = P2P_IO_SYS };
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  pthread_t thread;
  unsigned n = 0;

  P2P_PTHREAD (pthread_create (&thread, NULL, asker_main, &asker));
  dns_await (&dns, 1);
  g_assert_cmpint (lookup (resolver, "two.test", addresses, &n, p2p_deadline_ms (5)), ==,
                   P2P_IO_TIMEOUT);
  dns_await (&dns, 2);
  p2p_resolver_stop (resolver);
  P2P_PTHREAD (pthread_join (thread, NULL));
  g_assert_cmpint (asker.io, ==, P2P_IO_STOPPED);
  g_assert_cmpint (lookup (resolver, "three.test", addresses, &n, SOON), ==, P2P_IO_STOPPED);
  g_assert_cmpint (lookup_fresh (resolver, "one.test", addresses, &n), ==, P2P_IO_STOPPED);
  g_assert_cmpint (lookup (resolver, "10.0.0.1", addresses, &n, P2P_TRY), ==, P2P_IO_OK);
  p2p_resolver_free (resolver);
  g_assert_cmpuint (dns_asked (&dns), ==, 2);
  dns_release (&dns, EAI_NONAME); /* they free it */
  p2p_cond_done (&dns.changed);
  p2p_mutex_done (&dns.lock);
}

/* What is known serves on, be it stale; nobody asks any more. */
static void
test_stop_known (void)
{
  Dns dns = { .addresses = { "10.0.0.1" } };
  P2pResolver *resolver = dns_resolver_new (&dns, 0, 0, 4);
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n = 0, n_asked;

  g_assert_cmpint (lookup (resolver, "known.test", addresses, &n, SOON), ==, P2P_IO_OK);
  p2p_resolver_stop (resolver);
  n_asked = dns_asked (&dns);
  n = 0;
  g_assert_cmpint (lookup (resolver, "known.test", addresses, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpuint (n, ==, 1);
  assert_address (&addresses[0], "10.0.0.1", 80);
  g_assert_cmpint (lookup_fresh (resolver, "known.test", addresses, &n), ==, P2P_IO_STOPPED);
  g_assert_cmpint (lookup (resolver, "new.test", addresses, &n, SOON), ==, P2P_IO_STOPPED);
  g_assert_cmpuint (dns_asked (&dns), ==, n_asked);
  dns_resolver_free (resolver, &dns);
}

/* The system's own look-up, for the one name that needs no network. */
static void
test_localhost (void)
{
  g_autoptr (GError) error = NULL;
  P2pResolver *resolver = p2p_resolver_new (1, 4, &error);
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n = 0;

  g_assert_no_error (error);
  g_assert_cmpint (lookup (resolver, "localhost", addresses, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpuint (n, >, 0);
  p2p_resolver_free (resolver);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  g_test_add_func ("/resolver/numeric", test_numeric);
  g_test_add_func ("/resolver/order-and-cache", test_order_and_cache);
  g_test_add_func ("/resolver/failures", test_failures);
  g_test_add_func ("/resolver/stale", test_stale);
  g_test_add_func ("/resolver/limit", test_limit);
  g_test_add_func ("/resolver/shared", test_shared);
  g_test_add_func ("/resolver/fresh", test_fresh);
  g_test_add_func ("/resolver/fresh-beside-hanging", test_fresh_beside_hanging);
  g_test_add_func ("/resolver/stop", test_stop);
  g_test_add_func ("/resolver/stop-known", test_stop_known);
  g_test_add_func ("/resolver/localhost", test_localhost);
  return g_test_run ();
}
