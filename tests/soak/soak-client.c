/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The clients of the soak: they ask, upload, upgrade, are slow, leave, and check every byte of
 * every answer.
 *
 *     soak-client HTTP_PORT HTTPS_PORT THREADS SEED
 *
 * Each thread lives through one session after the other, each of a kind, a listener and a host
 * chosen by lot. Some hosts are always good: there an answer other than the right one is a fault.
 * The others may fail, but only as a proxy whose target fails may: 502, 503, 504, or a body that is
 * cut. A fault is one line "wrong: ..." on standard output; every second a line "asked N" shows
 * that it goes on; SIGTERM ends it with one line of JSON that says what was seen.
 *
 * Counters are shared and atomic; all else belongs to its thread. */
#include "tests/soak/client.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

Soak soak;

static void *
client_main (void *data)
{
  Client *client = data;

  while (!atomic_load (&soak.over))
    client_live (client);
  g_rand_free (client->chance);
  g_free (client);
  return NULL;
}

static void
show_progress (const sigset_t *ends)
{
  struct timespec second = { .tv_sec = 1 };

  while (sigtimedwait (ends, NULL, &second) < 0)
    {
      printf ("asked %" G_GUINT64_FORMAT "\n", atomic_load (&seen.answers));
      fflush (stdout);
    }
}

static void
show_summary (void)
{
  const char *comma = "";

  printf ("{");
#define COUNTER(name)                                                                              \
  printf ("%s\"%s\": %" G_GUINT64_FORMAT, comma, #name, atomic_load (&seen.name));                 \
  comma = ", ";
  SOAK_COUNTERS (COUNTER)
#undef COUNTER
  printf ("}\n");
}

int
main (int argc, char **argv)
{
  g_autofree pthread_t *threads = NULL;
  unsigned n_threads;
  sigset_t ends;

  if (argc != 5)
    {
      fprintf (stderr, "Usage: soak-client HTTP_PORT HTTPS_PORT THREADS SEED\n");
      return 2;
    }
  soak.ports[0] = (unsigned) strtoul (argv[1], NULL, 10);
  soak.ports[1] = (unsigned) strtoul (argv[2], NULL, 10);
  n_threads = (unsigned) strtoul (argv[3], NULL, 10);
  (void) signal (SIGPIPE, SIG_IGN);
  (void) sigemptyset (&ends);
  (void) sigaddset (&ends, SIGTERM);
  (void) pthread_sigmask (SIG_BLOCK, &ends, NULL);
  g_assert (gnutls_certificate_allocate_credentials (&soak.credentials) == 0);
  threads = g_new0 (pthread_t, n_threads);
  for (unsigned i = 0; i < n_threads; i++)
    {
      Client *client = g_new0 (Client, 1);

      client->next_id = ((uint64_t) i + 1) << 32;
      client->chance = g_rand_new_with_seed ((guint32) strtoul (argv[4], NULL, 10) + i);
      g_assert (pthread_create (&threads[i], NULL, client_main, client) == 0);
    }
  show_progress (&ends);
  atomic_store (&soak.over, true);
  for (unsigned i = 0; i < n_threads; i++)
    (void) pthread_join (threads[i], NULL);
  show_summary ();
  gnutls_certificate_free_credentials (soak.credentials);
  return atomic_load (&seen.wrong) > 0;
}
