/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* New TLS connections: every client connects, shakes hands in full (no ticket), asks once and reads
 * to the end.
 *
 *     tls-clients PORT PATH CLIENTS SECONDS
 *
 * wrk resumes its sessions, so that it can't show what a full handshake costs. One thread a client;
 * the figures are one line of JSON as report.lua's. The threads share the credentials, which only
 * main () writes, and the counters of their own rows. */
#include "lib/clock.h"
#include "lib/fd.h"

#include <arpa/inet.h>
#include <glib.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define STATUS_OK "HTTP/1.1 200"
#define GIVE_UP_S 10

typedef struct
{
  pthread_t thread;
  GArray *times_us; /* (owned) int64_t: from connecting to the last byte */
  size_t n_bytes;
  unsigned n_failed, n_bad_status;
} Client;

static struct sockaddr_in server = { .sin_family = AF_INET };
static gnutls_certificate_credentials_t credentials;
static char *request; /* (owned) */
static int64_t until_us;

static int
connect_to_server (void)
{
  const struct timeval patience = { .tv_sec = GIVE_UP_S };
  const int on = 1;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  (void) setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  (void) setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect (fd, (struct sockaddr *) &server, sizeof server) != 0)
    p2p_fd_close (&fd);
  return fd;
}

/* Bytes of the answer; -1: it did not work. */
static ssize_t
ask (gnutls_session_t tls, bool *ret_ok)
{
  char bytes[16384];
  ssize_t n, total = 0;

  do
    n = gnutls_handshake (tls);
  while (n < 0 && !gnutls_error_is_fatal ((int) n));
  if (n < 0 || gnutls_record_send (tls, request, strlen (request)) < 0)
    return -1;
  /* A ticket makes it say GNUTLS_E_AGAIN. */
  while ((n = gnutls_record_recv (tls, bytes, sizeof bytes)) > 0 || n == GNUTLS_E_AGAIN)
    {
      if (total == 0 && n >= (ssize_t) strlen (STATUS_OK))
        *ret_ok = memcmp (bytes, STATUS_OK, strlen (STATUS_OK)) == 0;
      total += MAX (n, 0);
    }
  return n == 0 || n == GNUTLS_E_PREMATURE_TERMINATION ? total : -1;
}

static void
client_turn (Client *client)
{
  int64_t start_us = p2p_now_us (), took_us;
  int fd = connect_to_server ();
  gnutls_session_t tls;
  bool ok = false;
  ssize_t n;

  if (fd < 0)
    {
      client->n_failed++;
      return;
    }
  g_assert (gnutls_init (&tls, GNUTLS_CLIENT) == 0);
  g_assert (gnutls_set_default_priority (tls) == 0);
  g_assert (gnutls_credentials_set (tls, GNUTLS_CRD_CERTIFICATE, credentials) == 0);
  g_assert (gnutls_server_name_set (tls, GNUTLS_NAME_DNS, "localhost", strlen ("localhost")) == 0);
  gnutls_transport_set_int (tls, fd);
  n = ask (tls, &ok);
  gnutls_deinit (tls);
  p2p_fd_close (&fd);
  took_us = p2p_now_us () - start_us;
  if (n < 0)
    client->n_failed++;
  else if (!ok)
    client->n_bad_status++;
  client->n_bytes += (size_t) MAX (n, 0);
  g_array_append_val (client->times_us, took_us);
}

static void *
client_main (void *data)
{
  Client *client = data;

  while (p2p_now_us () < until_us)
    client_turn (client);
  return NULL;
}

static int
compare_times (const void *a, const void *b)
{
  const int64_t *x = a, *y = b;

  return (*x > *y) - (*x < *y);
}

static void
report (Client *clients, unsigned n_clients, int64_t took_us)
{
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (int64_t));
  Client sum = { 0 };

  for (unsigned i = 0; i < n_clients; i++)
    {
      g_array_append_vals (all, clients[i].times_us->data, clients[i].times_us->len);
      sum.n_bytes += clients[i].n_bytes;
      sum.n_failed += clients[i].n_failed;
      sum.n_bad_status += clients[i].n_bad_status;
      g_array_unref (clients[i].times_us);
    }
  g_array_sort (all, compare_times);
  if (all->len == 0)
    g_array_set_size (all, 1); /* zeros: nothing was served */
  printf ("RESULT {\"requests\":%u,\"duration_us\":%" G_GINT64_FORMAT
          ",\"bytes\":%zu,\"p50_us\":%" G_GINT64_FORMAT ",\"p99_us\":%" G_GINT64_FORMAT
          ",\"max_us\":%" G_GINT64_FORMAT ",\"bad_status\":%u,\"socket_errors\":%u}\n",
          all->len, took_us, sum.n_bytes, g_array_index (all, int64_t, all->len / 2),
          g_array_index (all, int64_t, all->len * 99 / 100),
          g_array_index (all, int64_t, all->len - 1), sum.n_bad_status, sum.n_failed);
}

int
main (int argc, char **argv)
{
  g_autofree Client *clients = NULL;
  int64_t start_us = p2p_now_us ();
  unsigned n;

  if (argc != 5)
    {
      fprintf (stderr, "Usage: tls-clients PORT PATH CLIENTS SECONDS\n");
      return 2;
    }
  server.sin_port = htons ((uint16_t) atoi (argv[1]));
  server.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  request = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                             argv[2]);
  n = (unsigned) CLAMP (atoi (argv[3]), 1, 1000);
  until_us = start_us + (int64_t) atoi (argv[4]) * 1000000;
  g_assert (gnutls_certificate_allocate_credentials (&credentials) == 0); /* and verifies nothing */
  clients = g_new0 (Client, n);
  for (unsigned i = 0; i < n; i++)
    {
      clients[i].times_us = g_array_sized_new (FALSE, TRUE, sizeof (int64_t), 4096);
      g_assert (pthread_create (&clients[i].thread, NULL, client_main, &clients[i]) == 0);
    }
  for (unsigned i = 0; i < n; i++)
    g_assert (pthread_join (clients[i].thread, NULL) == 0);
  report (clients, n, p2p_now_us () - start_us);
  gnutls_certificate_free_credentials (credentials);
  g_free (request);
  return 0;
}
