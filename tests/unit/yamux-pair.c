/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See yamux-pair.h. End.lock guards what the callbacks write; the test's thread waits for it. */
#include "tests/unit/yamux-pair.h"

#include "tests/unit/tls-fixture.h"

#include <string.h>
#include <sys/socket.h>

bool pair_over_tls;

typedef struct
{
  End *end;
  P2pStream *strm;
} Service;

static void *
service_main (void *data)
{
  Service *service = data;
  End *end = service->end;

  end->serve (service->strm);
  g_free (service);
  P2P_LOCKED (&end->lock);
  end->n_serving--;
  p2p_cond_broadcast (&end->changed);
  return NULL;
}

static void
accepted_cb (P2pYamux *yamux, P2pStream *take_strm, void *data)
{
  End *end = data;
  Service *service;
  pthread_attr_t attr;
  pthread_t thread;

  (void) yamux;
  P2P_LOCKED (&end->lock);
  if (!end->serve)
    {
      g_assert_cmpuint (end->n_accepted, <, G_N_ELEMENTS (end->kept));
      end->kept[end->n_accepted] = take_strm;
    }
  end->n_accepted++;
  p2p_cond_broadcast (&end->changed);
  if (!end->serve)
    return;
  end->n_serving++;
  service = g_new (Service, 1);
  *service = (Service){ end, take_strm };
  P2P_PTHREAD (pthread_attr_init (&attr));
  P2P_PTHREAD (pthread_attr_setstacksize (&attr, 256 << 10));
  P2P_PTHREAD (pthread_attr_setdetachstate (&attr, PTHREAD_CREATE_DETACHED));
  P2P_PTHREAD (pthread_create (&thread, &attr, service_main, service));
  P2P_PTHREAD (pthread_attr_destroy (&attr));
}

static void
ended_cb (P2pYamux *yamux, const char *why, bool ours, void *data)
{
  End *end = data;

  (void) yamux;
  P2P_LOCKED (&end->lock);
  end->ended = true;
  end->n_ended++;
  end->why = why;
  end->ours = ours;
  p2p_cond_broadcast (&end->changed);
}

static void
going_away_cb (P2pYamux *yamux, uint32_t code, void *data)
{
  End *end = data;

  (void) yamux;
  P2P_LOCKED (&end->lock);
  end->go_away_code = (int) code;
  p2p_cond_broadcast (&end->changed);
}

void
end_start (End *end, P2pStream *take_transport, P2pYamuxOptions options)
{
  g_autoptr (GError) error = NULL;

  end->go_away_code = -1;
  p2p_mutex_init (&end->lock, P2P_LOCK_LEAF);
  p2p_cond_init (&end->changed);
  options.name = "test";
  options.accepted = accepted_cb;
  options.ended = ended_cb;
  options.going_away = going_away_cb;
  options.data = end;
  end->yamux = p2p_yamux_new (take_transport, &options, &error);
  g_assert_no_error (error);
}

void
end_await (End *end)
{
  P2P_LOCKED (&end->lock);
  while (!end->ended)
    g_assert_true (p2p_cond_wait (&end->changed, &end->lock, WITHIN));
}

void
end_await_accepted (End *end, unsigned n)
{
  P2P_LOCKED (&end->lock);
  while (end->n_accepted < n)
    g_assert_true (p2p_cond_wait (&end->changed, &end->lock, WITHIN));
}

void
end_await_going_away (End *end)
{
  P2P_LOCKED (&end->lock);
  while (end->go_away_code < 0)
    g_assert_true (p2p_cond_wait (&end->changed, &end->lock, WITHIN));
  g_assert_cmpint (end->go_away_code, ==, 0);
}

bool
end_has_ended (End *end)
{
  P2P_LOCKED (&end->lock);
  return end->ended;
}

void
end_await_streams (End *end, unsigned n)
{
  int64_t deadline_us = WITHIN;

  while (p2p_yamux_get_stats (end->yamux).streams != n)
    {
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      g_usleep (1000);
    }
}

void
end_stop (End *end)
{
  for (size_t i = 0; i < G_N_ELEMENTS (end->kept); i++)
    p2p_stream_close (end->kept[i]);
  p2p_yamux_close (end->yamux, "test over");
  p2p_yamux_join (end->yamux);
  g_assert_cmpint (end->n_ended, ==, 1);
  p2p_mutex_lock (&end->lock);
  while (end->n_serving > 0)
    g_assert_true (p2p_cond_wait (&end->changed, &end->lock, WITHIN));
  p2p_mutex_unlock (&end->lock);
  p2p_yamux_unref (end->yamux);
  p2p_mutex_done (&end->lock);
  p2p_cond_done (&end->changed);
}

void
transport_pair (P2pStream **ret_a, P2pStream **ret_b)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  *ret_a = p2p_stream_tcp_new (fds[0]);
  *ret_b = p2p_stream_tcp_new (fds[1]);
  if (pair_over_tls)
    tls_fixture_wrap (false, ret_a, ret_b);
}

void
pair_start_on (Pair *pair,
               P2pStream *take_a,
               P2pStream *take_b,
               void (*serve) (P2pStream *take_strm),
               P2pYamuxOptions options)
{
  memset (pair, 0, sizeof *pair);
  pair->client.serve = serve;
  options.role = P2P_YAMUX_SERVER;
  end_start (&pair->server, take_a, options);
  options.role = P2P_YAMUX_CLIENT;
  if (options.accept_backlog == 0)
    options.accept_backlog = 256;
  end_start (&pair->client, take_b, options);
}

void
pair_start (Pair *pair, void (*serve) (P2pStream *take_strm), P2pYamuxOptions options)
{
  P2pStream *a, *b;

  transport_pair (&a, &b);
  pair_start_on (pair, a, b, serve, options);
}

void
pair_stop (Pair *pair)
{
  end_stop (&pair->server);
  end_stop (&pair->client);
}

void
serve_echo (P2pStream *take_strm)
{
  unsigned char buf[16384];
  size_t n;

  while (p2p_stream_read (take_strm, buf, sizeof buf, &n, WITHIN) == P2P_IO_OK)
    if (p2p_stream_write_all (take_strm, &(struct iovec){ buf, n }, 1, NULL, WITHIN) != P2P_IO_OK)
      break;
  p2p_stream_close (take_strm);
}

void
serve_sink (P2pStream *take_strm)
{
  unsigned char buf[16384];
  size_t n;

  while (p2p_stream_read (take_strm, buf, sizeof buf, &n, WITHIN) == P2P_IO_OK)
    ;
  p2p_stream_close (take_strm);
}

P2pStream *
must_open (End *end)
{
  P2pStream *strm = NULL;

  g_assert_cmpint (p2p_yamux_open (end->yamux, WITHIN, &strm), ==, P2P_IO_OK);
  return strm;
}

void
must_write (P2pStream *strm, const void *bytes, size_t n)
{
  g_assert_cmpint (
      p2p_stream_write_all (strm, &(struct iovec){ (void *) bytes, n }, 1, NULL, WITHIN), ==,
      P2P_IO_OK);
}

void
must_read (P2pStream *strm, void *bytes, size_t n)
{
  for (size_t done = 0; done < n;)
    {
      size_t part = 0;

      g_assert_cmpint (
          p2p_stream_read (strm, (unsigned char *) bytes + done, n - done, &part, WITHIN), ==,
          P2P_IO_OK);
      done += part;
    }
}

void
must_read_eof (P2pStream *strm)
{
  char byte;
  size_t n;

  g_assert_cmpint (p2p_stream_read (strm, &byte, 1, &n, WITHIN), ==, P2P_IO_EOF);
}

void
must_echo_text (P2pStream *strm, const char *text)
{
  char buf[64];

  must_write (strm, text, strlen (text));
  must_read (strm, buf, strlen (text));
  g_assert_cmpmem (buf, strlen (text), text, strlen (text));
}

void
fill_pattern (unsigned char *bytes, size_t n, uint64_t seed, uint64_t offset)
{
  for (size_t i = 0; i < n; i++)
    bytes[i] = (unsigned char) ((offset + i) * 131 + ((offset + i) >> 8) * 17 + seed * 71);
}

typedef struct
{
  P2pStream *strm; /* (borrowed) */
  uint64_t seed;
  size_t total;
} Sending;

static void *
send_main (void *data)
{
  Sending *sending = data;
  unsigned char buf[30000];

  for (size_t done = 0; done < sending->total;)
    {
      size_t n = MIN (sizeof buf, sending->total - done);

      fill_pattern (buf, n, sending->seed, done);
      must_write (sending->strm, buf, n);
      done += n;
    }
  return NULL;
}

static void
receive_pattern (P2pStream *strm, uint64_t seed, size_t total)
{
  g_autofree unsigned char *buf = g_malloc (50000), *wanted = g_malloc (50000);

  for (size_t done = 0; done < total;)
    {
      size_t n = 0;

      g_assert_cmpint (p2p_stream_read (strm, buf, 50000, &n, WITHIN), ==, P2P_IO_OK);
      g_assert_cmpuint (n, <=, total - done);
      fill_pattern (wanted, n, seed, done);
      g_assert_cmpmem (buf, n, wanted, n);
      done += n;
    }
}

void
transfer_pattern (P2pStream *from, P2pStream *to, uint64_t seed, size_t total)
{
  Sending sending = { from, seed, total };
  pthread_t thread;

  P2P_PTHREAD (pthread_create (&thread, NULL, send_main, &sending));
  receive_pattern (to, seed, total);
  P2P_PTHREAD (pthread_join (thread, NULL));
}

static void
run_over_tcp (const void *data)
{
  pair_over_tls = false;
  ((const PairTest *) data)->run ();
}

static void
run_over_tls (const void *data)
{
  pair_over_tls = true;
  ((const PairTest *) data)->run ();
}

void
pair_add_tests (const char *path, const PairTest *tests, size_t n)
{
  for (size_t i = 0; i < n; i++)
    {
      g_autofree char *tcp = g_strdup_printf ("%s/tcp/%s", path, tests[i].name);
      g_autofree char *tls = g_strdup_printf ("%s/tls/%s", path, tests[i].name);

      g_test_add_data_func (tcp, &tests[i], run_over_tcp);
      g_test_add_data_func (tls, &tests[i], run_over_tls);
    }
}
