/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The checker: a thread that waits for the next pair that is due, and a small pool that asks. No
 * more than HEALTH_CHECKS_MAX ask at once; who is due meanwhile waits in the queue. The scheduler
 * alone takes over new snapshots; the lock guards the table. */
#include "daemon/agents/agents.h"
#include "daemon/config/change.h"
#include "daemon/health/checker-priv.h"
#include "lib/log.h"

#define OFFLINE_MS 1000 /* how often an agent that left is looked for */
#define THREAD_IDLE_MS 30000
#define STOP_MS 1000

Checker checker;

int64_t
health_jitter (int64_t interval_us, uint32_t random)
{
  return interval_us / 10 * 9 + (int64_t) ((double) interval_us / 5 * random / UINT32_MAX);
}

/* --- telling ---------------------------------------------------------------------------------- */

static void
tell_change (const Config *cfg,
             const ConfigTarget *target,
             int64_t agent_id,
             ConfigHealth health,
             const char *why)
{
  const ConfigAgent *agent = agent_id ? config_find_agent_by_id (cfg, agent_id) : NULL;
  g_autofree char *through = agent ? g_strdup_printf (" through agent '%s'", agent->name) : NULL;

  if (health == CONFIG_HEALTH_HEALTHY)
    p2p_log (P2P_LOG_INFO, "health", "target '%s'%s: healthy", target->name,
             through ? through : "");
  else
    p2p_log (P2P_LOG_INFO, "health",
             "target '%s'%s: unhealthy: %s, not used until %u checks in a row succeed",
             target->name, through ? through : "", why, target->health.healthy_threshold);
}

/* --- one check -------------------------------------------------------------------------------- */

/* Its check has ended, or was not needed. */
static void
finish (Check *check, int64_t due_us)
{
  P2P_LOCKED (&checker.lock);
  checker.n_running--;
  if (check->gone)
    checker_free_check (check);
  else
    checker_enqueue_locked (check, MAX (due_us, p2p_now_us ()));
  p2p_cond_signal (&checker.cond);
}

static int64_t
next_due (const ConfigTarget *target, int64_t since_us)
{
  P2P_LOCKED (&checker.lock);
  return since_us + health_jitter (target->health.interval_ms * 1000, g_rand_int (checker.rand));
}

/* What the answer says, unless the question is another one by now. True: the pair's health changed.
 */
static bool
note_answer (Check *check,
             const ConfigTarget *target,
             const HealthAnswer *answer,
             ConfigHealth *ret_health)
{
  ConfigProbe probe = { .source = CONFIG_PROBE_ACTIVE_CHECK,
                        .good = answer->good,
                        .status_code = answer->status_code,
                        .duration_ms = answer->duration_ms,
                        .agent_id = check->key.agent_id,
                        .error = answer->good ? NULL : answer->error };

  P2P_LOCKED (&checker.lock);
  if (check->gone || !answer->verdict)
    return false;
  return config_target_state_note_check (check->state, &probe, target->health.healthy_threshold,
                                         target->health.unhealthy_threshold, ret_health);
}

static void
run_check (P2pTask *task)
{
  Check *check = (Check *) task;
  g_autoptr (Config) cfg = NULL;
  HealthQuestion question = { .agent_id = check->key.agent_id, .stop = &checker.cutting };
  HealthAnswer answer;
  ConfigHealth health;

  p2p_mutex_lock (&checker.lock);
  cfg = config_ref (checker.cfg);
  question.cfg = cfg;
  question.route = check->route;
  question.target = check->target;
  if (check->gone) /* what they point to may be gone as well */
    question.target = NULL;
  p2p_mutex_unlock (&checker.lock);
  if (!question.target)
    {
      finish (check, 0);
      return;
    }
  health_ask (&question, &answer);
  if (note_answer (check, question.target, &answer, &health))
    tell_change (cfg, question.target, check->key.agent_id, health, answer.error);
  finish (check, next_due (question.target, check->asked_us));
}

/* --- the scheduler ---------------------------------------------------------------------------- */

/* Whether the pair's agent is there; its coming and going is history. */
static bool
is_online (Check *check)
{
  bool online = check->key.agent_id == 0 || agents_is_connected (check->key.agent_id);
  ConfigProbe probe = { .source = CONFIG_PROBE_AGENT_CONNECTIVITY,
                        .good = online,
                        .duration_ms = -1,
                        .agent_id = check->key.agent_id,
                        .error = online ? NULL : "the agent is not connected" };

  if (check->looked && online != check->online)
    config_target_state_note_probe (check->state, &probe);
  check->looked = true;
  check->online = online;
  return online;
}

/* Real requests said what a check would ask for. */
static bool
had_good_traffic (Check *check, int64_t now_us)
{
  int64_t good_at_us = config_target_state_good_at (check->state, check->key.agent_id);

  return good_at_us > check->asked_us
         && now_us - good_at_us <= check->target->health.interval_ms * 1000;
}

/* The scheduler's own part of a check; check->target stays, since only the scheduler takes
 * snapshots over. */
static void
begin_check (Check *check)
{
  const ConfigTarget *target = check->target;
  int64_t now_us = p2p_now_us ();
  ConfigHealth health;

  if (!is_online (check))
    {
      finish (check, now_us + OFFLINE_MS * 1000);
      return;
    }
  if (had_good_traffic (check, now_us))
    {
      if (config_target_state_count_traffic (check->state, check->key.agent_id,
                                             target->health.healthy_threshold, &health))
        tell_change (checker.cfg, target, check->key.agent_id, health, "");
      check->asked_us = now_us;
      finish (check, next_due (target, config_target_state_good_at (check->state,
                                                                    check->key.agent_id)));
      return;
    }
  check->asked_us = now_us;
  check->task = (P2pTask){ .run = run_check };
  p2p_pool_submit (checker.pool, &check->task);
}

/* The next one that is due, out of the queue; NULL: the end. */
static Check *
wait_for_due (void)
{
  P2P_LOCKED (&checker.lock);

  while (!checker.stop)
    {
      GSequenceIter *first;
      int64_t until_us = P2P_FOREVER;

      if (checker.stale)
        checker_sync_locked ();
      first = g_sequence_get_begin_iter (checker.queue);
      if (checker.n_running < HEALTH_CHECKS_MAX && !g_sequence_iter_is_end (first))
        {
          Check *check = g_sequence_get (first);

          if (check->due_us <= p2p_now_us ())
            {
              g_sequence_remove (first);
              check->place = NULL;
              checker.n_running++;
              return check;
            }
          until_us = check->due_us;
        }
      (void) p2p_cond_wait (&checker.cond, &checker.lock, until_us); /* the loop looks again */
    }
  return NULL;
}

static void *
checker_main (void *data)
{
  Check *check;

  (void) data;
  (void) pthread_setname_np (pthread_self (), "health"); /* only a name */
  while ((check = wait_for_due ()))
    begin_check (check);
  return NULL;
}

/* --- start and stop --------------------------------------------------------------------------- */

static void
note_swap (const Config *old, const Config *cfg, void *data)
{
  (void) old;
  (void) cfg;
  (void) data;
  P2P_LOCKED (&checker.lock);
  checker.stale = true;
  p2p_cond_signal (&checker.cond);
}

bool
health_start (GError **error)
{
  P2pPoolOptions options = { .name = "health",
                             .threads_min = 1,
                             .threads_max = HEALTH_CHECKS_MAX,
                             .queue_max = HEALTH_CHECKS_MAX,
                             .idle_ms = THREAD_IDLE_MS };

  checker.pool = p2p_pool_new (&options, error);
  if (!checker.pool)
    return false;
  p2p_mutex_init (&checker.lock, P2P_LOCK_HEALTH);
  p2p_cond_init (&checker.cond);
  checker_table_init ();
  checker.n_running = 0;
  checker.stop = false;
  checker.stale = true;
  atomic_store (&checker.cutting, false);
  config_add_observer (note_swap, NULL);
  P2P_PTHREAD (pthread_create (&checker.thread, NULL, checker_main, NULL));
  checker.runs = true;
  return true;
}

void
health_stop (void)
{
  if (!checker.runs)
    return;
  atomic_store (&checker.cutting, true);
  p2p_mutex_lock (&checker.lock);
  checker.stop = true;
  p2p_cond_signal (&checker.cond);
  p2p_mutex_unlock (&checker.lock);
  P2P_PTHREAD (pthread_join (checker.thread, NULL));
  while (!p2p_pool_stop (checker.pool, p2p_deadline_ms (STOP_MS)))
    ; /* each check has a deadline of its own */
  g_clear_pointer (&checker.pool, p2p_pool_free);
  checker_table_done ();
  p2p_cond_done (&checker.cond);
  p2p_mutex_done (&checker.lock);
  checker.runs = false;
}
