/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* For the tests of relays: the kinds of streams they are run between, and a relay on a thread of
 * its own between a client and an origin that the test plays. */
#pragma once

#include "lib/lock.h"
#include "lib/relay.h"
#include "tests/unit/stream-pairs.h"

#include <glib.h>
#include <pthread.h>

#define SOON p2p_deadline_ms (60000)

/* A pair of kinds is a number below N_RELAY_KINDS squared: by row the client's kind, by column the
 * origin's. */
#define N_RELAY_KINDS 4
extern const StreamPairs relay_kinds[N_RELAY_KINDS];

/* The byte at a place of a body. */
unsigned char relay_pattern (size_t at);

/* client -- near | relay | far -- origin, the relay and the origin each on a thread of their own.
 */
typedef struct
{
  P2pStream *client, *near, *far, *origin;
  P2pRelayOptions options;
  P2pRelayResult result;
  unsigned n_done;
  pthread_t relay_thread, origin_thread;
} RelayScene;

/* origin_main runs on origin_thread and gets the scene; it closes scene->origin. */
void relay_scene_start (RelayScene *scene, unsigned pair, void *(*origin_main) (void *data));
/* Closes the client and waits for both threads. */
void relay_scene_stop (RelayScene *scene);

/* The parts of it. For P2pRelayOptions.done: notes the result. */
void relay_scene_done_cb (const P2pRelayResult *result, void *data);
/* For relay_thread: runs the relay with the scene's streams and options. */
void *relay_scene_main (void *data);

/* For a relay that parks. */
P2pPool *relay_pool_new (unsigned threads_min, unsigned threads_max, unsigned queue_max);

/* Adds a test for every pair, its number as data; same: only for those of one kind. */
void relay_add_tests (const char *name, void (*test) (const void *data), bool same);
