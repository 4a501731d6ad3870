/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What is known of a target's pairs: thresholds of active checks, cooling down, the history's
 * limit, agents that go, and readers beside it all; and the jitter between checks. */
#include "daemon/health/health-priv.h"
#include "lib/lock.h"
#include "tests/unit/wait-for.h"

#include <string.h>

static bool
usable (ConfigTargetState *state, int64_t agent_id)
{
  return config_target_state_is_usable (state, agent_id, p2p_now_us ());
}

static ConfigHealth
check (ConfigTargetState *state, int64_t agent_id, bool good, bool *ret_changed)
{
  ConfigProbe probe = { .source = CONFIG_PROBE_ACTIVE_CHECK,
                        .good = good,
                        .agent_id = agent_id,
                        .error = good ? NULL : "it fell over" };
  ConfigHealth health;

  *ret_changed = config_target_state_note_check (state, &probe, 2, 3, &health);
  return health;
}

/* '+' and '-': checks; 't': traffic that stands for one; '!' behind one: the health changed with
 * it. Then what it is. */
static const struct
{
  const char *story;
  ConfigHealth health;
} thresholds[] = {
  { "", CONFIG_HEALTH_UNKNOWN },          { "+", CONFIG_HEALTH_UNKNOWN },
  { "++!", CONFIG_HEALTH_HEALTHY },       { "++!++", CONFIG_HEALTH_HEALTHY },
  { "--", CONFIG_HEALTH_UNKNOWN },        { "--+--", CONFIG_HEALTH_UNKNOWN },
  { "---!", CONFIG_HEALTH_UNHEALTHY },    { "---!-----", CONFIG_HEALTH_UNHEALTHY },
  { "---!+", CONFIG_HEALTH_UNHEALTHY },   { "---!+-+", CONFIG_HEALTH_UNHEALTHY },
  { "---!++!", CONFIG_HEALTH_HEALTHY },   { "++!--+--", CONFIG_HEALTH_HEALTHY },
  { "++!---!", CONFIG_HEALTH_UNHEALTHY }, { "++!--t--", CONFIG_HEALTH_HEALTHY },
  { "tt!", CONFIG_HEALTH_HEALTHY },       { "+t!", CONFIG_HEALTH_HEALTHY },
};

static bool
plays (const char *story, ConfigHealth wanted)
{
  ConfigTargetState *state = config_target_state_new ();
  ConfigHealth health = CONFIG_HEALTH_UNKNOWN;
  bool good = true;

  for (const char *p = story; *p; p++)
    {
      bool changed;

      if (*p == 't')
        changed = config_target_state_count_traffic (state, 0, 2, &health);
      else
        health = check (state, 0, *p == '+', &changed);
      good = good && changed == (p[1] == '!');
      p += p[1] == '!';
    }
  good = good && health == wanted && usable (state, 0) == (wanted != CONFIG_HEALTH_UNHEALTHY);
  config_target_state_unref (state);
  return good;
}

static void
test_thresholds (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (thresholds); i++)
    {
      g_test_message ("%s", thresholds[i].story);
      g_assert_true (plays (thresholds[i].story, thresholds[i].health));
    }
}

/* How long the pair cools down because of it. */
static int64_t
fail (ConfigTargetState *state, int64_t agent_id, const ConfigCoolDown *rules)
{
  ConfigProbe probe = { .source = CONFIG_PROBE_PASSIVE_FAILURE,
                        .agent_id = agent_id,
                        .duration_ms = -1,
                        .error = "refused" };

  return config_target_state_note_failure (state, &probe, rules);
}

static void
test_cool_down (void)
{
  static const ConfigCoolDown rules = { .failures = 2, .first_ms = 1000000, .longest_ms = 4000000 };
  ConfigTargetState *state = config_target_state_new ();
  int64_t now_us = p2p_now_us ();
  ConfigPairStatus status;

  g_assert_cmpint (fail (state, 0, &rules), ==, 0);
  g_assert_true (usable (state, 0));
  config_target_state_note_good (state, 0, p2p_now_us ());
  g_assert_cmpint (fail (state, 0, &rules), ==, 0); /* the good answer ended the count */
  g_assert_cmpint (fail (state, 0, &rules), ==, 1000000);
  g_assert_false (usable (state, 0));
  g_assert_cmpint (fail (state, 0, &rules), ==, 0); /* it cools already */
  config_target_state_get_pair (state, 0, now_us, &status);
  g_assert_false (status.usable);
  g_assert_cmpstr (status.last_error, ==, "refused");
  g_free (status.last_error);
  g_assert_true (config_target_state_is_usable (state, 0, now_us + INT64_C (1100) * 1000000));
  config_target_state_note_answer (state, 0); /* of a request that was under way */
  g_assert_true (usable (state, 0));
  g_assert_cmpint (fail (state, 0, &rules), ==, 0);
  g_assert_cmpint (fail (state, 0, &rules), ==, 1000000); /* all began anew */
  config_target_state_reset (state, 0);
  g_assert_true (usable (state, 0));
  config_target_state_unref (state);
}

/* While it cools down one request in each interval is let through, unless a check calls it
 * unhealthy. */
static void
test_trials (void)
{
  const ConfigCoolDown rules = { .failures = 1, .first_ms = 1000000, .longest_ms = 1000000 };
  ConfigTargetState *state = config_target_state_new ();
  int64_t now_us;
  bool changed;

  g_assert_false (
      config_target_state_may_try (state, 7, p2p_now_us (), 1000)); /* nobody knows it */
  g_assert_cmpint (fail (state, 7, &rules), ==, 1000000);
  g_assert_false (config_target_state_may_try (state, 7, p2p_now_us (), 60000000));
  now_us = p2p_now_us () + 60000000;
  g_assert_false (config_target_state_may_try (state, 7, now_us, 0)); /* never */
  g_assert_true (config_target_state_may_try (state, 7, now_us, 60000000));
  g_assert_false (config_target_state_may_try (state, 7, now_us + 59999999, 60000000));
  g_assert_true (config_target_state_may_try (state, 7, now_us + 60000000, 60000000));
  g_assert_false (usable (state, 7));
  for (int i = 0; i < 3; i++)
    (void) check (state, 7, false, &changed);
  g_assert_false (config_target_state_may_try (state, 7, now_us + 600000000, 60000000));
  config_target_state_unref (state);
}

/* Each failure right behind a cool-down begins one that is twice as long. */
static void
test_cool_downs_double (void)
{
  static const struct
  {
    ConfigCoolDown rules;
    int64_t wanted[6];
  } rows[] = {
    { { 1, 1, 8, 0 }, { 1, 2, 4, 8, 8, 8 } },
    { { 1, 3, 10, 0 }, { 3, 6, 10, 10, 10, 10 } },
    { { 1, 9, 4, 0 }, { 4, 4, 4, 4, 4, 4 } },
    { { 0, 1, 8, 0 }, { 0, 0, 0, 0, 0, 0 } },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      ConfigTargetState *state = config_target_state_new ();

      for (unsigned j = 0; j < G_N_ELEMENTS (rows[i].wanted); j++)
        {
          g_assert_cmpint (fail (state, 7, &rows[i].rules), ==, rows[i].wanted[j]);
          WAIT_FOR (usable (state, 7));
        }
      config_target_state_unref (state);
    }
}

/* Each pair is judged alone, however many share a bucket; a forgotten one comes back as if it were
 * new. */
static void
test_pairs (void)
{
  ConfigTargetState *state = config_target_state_new ();
  bool changed;

  for (int64_t id = 1; id <= 300; id++)
    for (int i = 0; i < 3; i++)
      (void) check (state, id, id % 2 == 0, &changed);
  for (int64_t id = 1; id <= 300; id++)
    g_assert_true (usable (state, id) == (id % 2 == 0));
  g_assert_true (usable (state, 0));
  g_assert_true (usable (state, 301));
  for (int64_t id = 1; id <= 300; id++)
    config_target_state_forget (state, id);
  for (int64_t id = 1; id <= 600; id++)
    g_assert_true (usable (state, id));
  for (int64_t id = 301; id <= 600; id++)
    g_assert_cmpint (check (state, id, false, &changed), ==, CONFIG_HEALTH_UNKNOWN);
  config_target_state_forget (state, 0); /* the direct pair stays one */
  for (int i = 0; i < 3; i++)
    (void) check (state, 0, false, &changed);
  g_assert_false (usable (state, 0));
  config_target_state_unref (state);
}

static void
test_history (void)
{
  ConfigTargetState *state = config_target_state_new ();
  g_autoptr (GPtrArray) probes = NULL;

  g_assert_cmpint (config_target_state_last_checked (state), ==, 0);
  for (unsigned i = 0; i < 200; i++)
    {
      g_autofree char *error = g_strdup_printf ("error %u", i);
      ConfigProbe probe = { .at_ms = i + 1, .duration_ms = i, .agent_id = i % 3, .error = error };
      ConfigHealth health;

      (void) config_target_state_note_check (state, &probe, 1, 1, &health);
    }
  probes = config_target_state_list_probes (state);
  g_assert_cmpuint (probes->len, ==, CONFIG_PROBES_MAX);
  for (unsigned i = 0; i < probes->len; i++)
    {
      const ConfigProbe *probe = probes->pdata[i];
      g_autofree char *error = g_strdup_printf ("error %u", 199 - i);

      g_assert_cmpint (probe->at_ms, ==, 200 - i);
      g_assert_cmpstr (probe->error, ==, error);
    }
  g_assert_cmpint (config_target_state_last_checked (state), ==, 200);
  config_target_state_unref (state);
}

/* An error is told as long as the pair is doubted. */
static void
test_last_error (void)
{
  ConfigTargetState *state = config_target_state_new ();
  ConfigPairStatus status;
  bool changed;

  (void) check (state, 5, false, &changed);
  config_target_state_get_pair (state, 5, p2p_now_us (), &status);
  g_assert_cmpstr (status.last_error, ==, "it fell over");
  g_free (status.last_error);
  (void) check (state, 5, true, &changed);
  config_target_state_get_pair (state, 5, p2p_now_us (), &status);
  g_assert_null (status.last_error);
  g_assert_cmpint (config_target_state_good_at (state, 5), ==, 0);
  config_target_state_note_good (state, 5, 77000000);
  g_assert_cmpint (config_target_state_good_at (state, 5), ==, 77000000);
  g_assert_cmpint (config_target_state_good_at (state, 6), ==, 0); /* nobody knows that pair */
  config_target_state_unref (state);
}

static void
test_jitter (void)
{
  const int64_t interval_us = 10000000;
  int64_t last_us = 0;

  g_assert_cmpint (health_jitter (interval_us, 0), ==, 9000000);
  g_assert_cmpint (health_jitter (interval_us, UINT32_MAX), ==, 11000000);
  for (uint32_t i = 0; i < 1000; i++)
    {
      int64_t us = health_jitter (interval_us, i * (UINT32_MAX / 1000));

      g_assert_cmpint (us, >=, MAX (last_us, 9000000));
      g_assert_cmpint (us, <=, 11000000);
      last_us = us;
    }
}

/* --- readers beside judges
 * -------------------------------------------------------------------------- */

#define N_READERS 3
#define N_ROUNDS 20000

typedef struct
{
  ConfigTargetState *state;
  atomic_bool stop;
  atomic_uint n_read;
} Crowd;

static void *
read_main (void *data)
{
  Crowd *crowd = data;
  unsigned n_unusable = 0;

  for (int64_t id = 0; !atomic_load (&crowd->stop); id = (id + 1) % 200)
    {
      n_unusable += !usable (crowd->state, id);
      config_target_state_note_good (crowd->state, id, p2p_now_us ());
      atomic_fetch_add (&crowd->n_read, 1);
    }
  g_assert_cmpuint (n_unusable, <=, atomic_load (&crowd->n_read));
  return NULL;
}

static void
test_crowd (void)
{
  Crowd crowd = { .state = config_target_state_new () };
  pthread_t threads[N_READERS];

  for (unsigned i = 0; i < N_READERS; i++)
    P2P_PTHREAD (pthread_create (&threads[i], NULL, read_main, &crowd));
  for (int64_t i = 0; i < N_ROUNDS; i++)
    {
      int64_t id = i % 200;
      bool changed;

      (void) check (crowd.state, id, i % 3 == 0, &changed);
      (void) fail (crowd.state, id, &(ConfigCoolDown){ 2, 1, 1, 0 });
      if (i % 7 == 0)
        config_target_state_forget (crowd.state, id);
      if (i % 100 == 0)
        g_ptr_array_unref (config_target_state_list_probes (crowd.state));
    }
  WAIT_FOR (atomic_load (&crowd.n_read) >= 1000);
  atomic_store (&crowd.stop, true);
  for (unsigned i = 0; i < N_READERS; i++)
    P2P_PTHREAD (pthread_join (threads[i], NULL));
  config_target_state_unref (crowd.state);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  g_test_add_func ("/target-state/thresholds", test_thresholds);
  g_test_add_func ("/target-state/cool-down", test_cool_down);
  g_test_add_func ("/target-state/cool-downs-double", test_cool_downs_double);
  g_test_add_func ("/target-state/trials", test_trials);
  g_test_add_func ("/target-state/pairs", test_pairs);
  g_test_add_func ("/target-state/history", test_history);
  g_test_add_func ("/target-state/last-error", test_last_error);
  g_test_add_func ("/target-state/jitter", test_jitter);
  g_test_add_func ("/target-state/crowd", test_crowd);
  return g_test_run ();
}
