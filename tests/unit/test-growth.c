/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The limit of threads, against models of what workers do, on a clock of the test's own: there is
 * no thread here. */
#include "lib/pool-priv.h"

#include <glib.h>

#define STEP_US 1000
#define N_PROCESSORS 2
#define HARMLESS 64

/* Tasks that take latency_us each when they have a processor, of which there are tasks_per_s a
 * second at most; clients of them are under way at once. */
typedef struct
{
  const char *name;
  int64_t latency_us;
  uint64_t tasks_per_s;
  unsigned clients;
  int64_t run_us;
  unsigned least, most; /* the limit when the run ends */
  int64_t by_us;        /* by when least is reached */
} Model;

static const Model models[] = {
  /* The processors are what lacks. */
  { "busy", 200, 40000, 1000, 20000000, 64, 128, 0 },
  { "busy-and-slow", 200, 10000, 1000, 20000000, 64, 128, 0 },
  /* Workers are blocked. */
  { "origin-100ms", 100000, 40000, 2000, 3000000, 2000, 4096, 300000 },
  { "origin-5ms", 5000, 40000, 180, 3000000, 180, 512, 1500000 },
  { "origin-never", 3600000000, 40000, 4000, 1000000, 4000, 4096, 300000 },
  /* Few clients never ask for more. */
  { "few", 100000, 40000, 60, 1000000, 64, 64, 0 },
};

static void
run_model (gconstpointer data)
{
  const Model *model = data;
  P2pPool *pool = g_new0 (P2pPool, 1);
  int64_t now_us = 1000000000, end_us = now_us + model->run_us, begin_us = now_us;
  double done = 0;
  unsigned most = 0;
  int64_t reached_us = -1, at_rest_us = 0;

  pool->options.threads_min = 4;
  pool->options.threads_max = 4096;
  p2p_growth_init (pool, N_PROCESSORS);
  g_assert_cmpuint (pool->growth.limit, ==, HARMLESS);
  pool->n_threads = HARMLESS;
  for (; now_us < end_us; now_us += STEP_US)
    {
      unsigned running = MIN (pool->n_threads, model->clients);
      double by_latency = (double) running / (double) model->latency_us * 1e6;

      /* The first tasks end when their time is over. */
      if (now_us - begin_us >= model->latency_us)
        done += MIN (by_latency, (double) model->tasks_per_s) * STEP_US / 1e6;
      pool->n_done = (uint64_t) done;
      pool->n_running = running;
      p2p_growth_judge_locked (pool, now_us);
      if (model->clients > pool->n_threads && pool->n_threads >= pool->growth.limit)
        p2p_growth_review_locked (pool, now_us);
      /* As the keeper does: 64 a tick, and what is above the limit ends. */
      if (pool->n_threads > pool->growth.limit || model->clients > pool->n_threads)
        pool->n_threads = MIN (MIN (pool->n_threads + 64, pool->growth.limit), model->clients + 1);
      most = MAX (most, pool->growth.limit);
      if (reached_us < 0 && pool->growth.limit >= model->least)
        reached_us = now_us - begin_us;
      at_rest_us += pool->growth.limit == HARMLESS ? STEP_US : 0;
    }
  g_test_message ("limit %u at most, %u at the end, wanted after %" G_GINT64_FORMAT " us", most,
                  pool->growth.limit, reached_us);
  g_assert_cmpuint (most, <=, model->most);
  g_assert_cmpuint (pool->growth.limit, >=, model->least);
  g_assert_cmpint (reached_us, >=, 0);
  g_assert_cmpint (reached_us, <=, model->by_us);
  /* Trials that brought nothing become rare. */
  if (model->least == HARMLESS)
    g_assert_cmpint (at_rest_us, >=, model->run_us * 9 / 10);
  g_free (pool);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autofree char *path = g_strdup_printf ("/growth/%s", models[i].name);

      g_test_add_data_func (path, &models[i], run_model);
    }
  return g_test_run ();
}
