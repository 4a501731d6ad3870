/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Connections are counted by what one subscriber has: an IPv4 address however it is written, the
 * first 64 bits of IPv6. */
#include "daemon/proxy/address-count.h"
#include "tests/unit/put-address.h"

#include <glib.h>
#include <pthread.h>

static AddressCount *
enter (const char *text, unsigned *ret_n)
{
  struct sockaddr_storage address;

  (void) put_address (text, &address);
  return address_count_enter ((struct sockaddr *) &address, ret_n);
}

static void
test_groups (void)
{
  static const struct
  {
    const char *address;
    unsigned n;
  } cases[] = {
    { "192.0.2.1", 1 },       { "192.0.2.2", 1 },        { "192.0.2.1", 2 },
    { "::ffff:192.0.2.1", 3 }, { "::ffff:192.0.2.3", 1 }, { "2001:db8::1", 1 },
    { "2001:db8::ffff:2", 2 }, { "2001:db8:0:1::1", 1 },  { "::1", 1 },
  };
  AddressCount *counts[G_N_ELEMENTS (cases)];
  unsigned n;

  address_counts_setup ();
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      counts[i] = enter (cases[i].address, &n);
      g_assert_cmpuint (n, ==, cases[i].n);
    }
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++)
    address_count_leave (counts[i]);
  counts[0] = enter ("192.0.2.1", &n);
  g_assert_cmpuint (n, ==, 1);
  address_count_leave (counts[0]);
  address_counts_teardown (); /* asserts that all are gone */
}

static void
test_none (void)
{
  struct sockaddr un = { .sa_family = AF_UNIX };
  unsigned n = 1;

  address_counts_setup ();
  g_assert_null (address_count_enter (&un, &n));
  g_assert_cmpuint (n, ==, 0);
  address_count_leave (NULL);
  address_counts_teardown ();
}

#define N_THREADS 4
#define N_TURNS 5000

static void *
crowd_main (void *data)
{
  unsigned n;

  (void) data;
  for (unsigned i = 0; i < N_TURNS; i++)
    {
      g_autofree char *own = g_strdup_printf ("2001:db8:%x::1", i % 50);
      AddressCount *one = enter ("192.0.2.1", &n), *two;

      g_assert_cmpuint (n, <=, N_THREADS);
      two = enter (own, &n);
      g_assert_cmpuint (n, <=, N_THREADS);
      address_count_leave (one);
      address_count_leave (two);
    }
  return NULL;
}

static void
test_threads (void)
{
  pthread_t threads[N_THREADS];

  address_counts_setup ();
  for (unsigned i = 0; i < N_THREADS; i++)
    g_assert_cmpint (pthread_create (&threads[i], NULL, crowd_main, NULL), ==, 0);
  for (unsigned i = 0; i < N_THREADS; i++)
    g_assert_cmpint (pthread_join (threads[i], NULL), ==, 0);
  address_counts_teardown ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/address-count/groups", test_groups);
  g_test_add_func ("/address-count/none", test_none);
  g_test_add_func ("/address-count/threads", test_threads);
  return g_test_run ();
}
