/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See relay-scene.h. */
#include "tests/unit/relay-scene.h"

#include <string.h>

/* The last is a stand-in without TLS below. */
const StreamPairs relay_kinds[N_RELAY_KINDS] = {
  { "tcp", stream_pair_tcp, true },
  { "tls", stream_pair_tls, true },
  { "yamux", stream_pair_yamux, false },
  { "memory", stream_pair_memory, false },
};

unsigned char
relay_pattern (size_t at)
{
  return (unsigned char) (at * 131 + (at >> 8) * 17 + (at >> 16));
}

void
relay_scene_done_cb (const P2pRelayResult *result, void *data)
{
  RelayScene *scene = data;

  scene->result = *result;
  scene->n_done++;
}

void *
relay_scene_main (void *data)
{
  RelayScene *scene = data;

  p2p_relay_run (scene->near, P2P_SPAN_NONE, scene->far, P2P_SPAN_NONE, &scene->options);
  return NULL;
}

void
relay_scene_start (RelayScene *scene, unsigned pair, void *(*origin_main) (void *data))
{
  memset (scene, 0, sizeof *scene);
  relay_kinds[pair / N_RELAY_KINDS].make (&scene->client, &scene->near);
  relay_kinds[pair % N_RELAY_KINDS].make (&scene->far, &scene->origin);
  scene->options
      = (P2pRelayOptions){ .write_stall_ms = 60000, .done = relay_scene_done_cb, .data = scene };
  P2P_PTHREAD (pthread_create (&scene->relay_thread, NULL, relay_scene_main, scene));
  P2P_PTHREAD (pthread_create (&scene->origin_thread, NULL, origin_main, scene));
}

void
relay_scene_stop (RelayScene *scene)
{
  p2p_stream_close (scene->client);
  P2P_PTHREAD (pthread_join (scene->relay_thread, NULL));
  P2P_PTHREAD (pthread_join (scene->origin_thread, NULL));
  g_assert_cmpuint (scene->n_done, ==, 1);
}

P2pPool *
relay_pool_new (unsigned threads_min, unsigned threads_max, unsigned queue_max)
{
  const P2pPoolOptions options = { .name = "relay",
                                   .threads_min = threads_min,
                                   .threads_max = threads_max,
                                   .queue_max = queue_max,
                                   .idle_ms = 30000 };
  g_autoptr (GError) error = NULL;
  P2pPool *pool = p2p_pool_new (&options, &error);

  g_assert_no_error (error);
  return pool;
}

void
relay_add_tests (const char *name, void (*test) (const void *data), bool same)
{
  for (unsigned pair = 0; pair < N_RELAY_KINDS * N_RELAY_KINDS; pair++)
    {
      g_autofree char *path
          = g_strdup_printf ("/relay/%s/%s-%s", name, relay_kinds[pair / N_RELAY_KINDS].name,
                             relay_kinds[pair % N_RELAY_KINDS].name);

      if (!same || pair % N_RELAY_KINDS == pair / N_RELAY_KINDS)
        g_test_add_data_func (path, GUINT_TO_POINTER (pair), test);
    }
}
