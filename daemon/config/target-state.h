/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What is known of a target while it runs, beside the snapshot: requests under way, and for each of
 * its pairs whether requests may go there. A pair is the target through one agent; a direct target
 * is one pair, with agent 0. Two judges have a say: active checks (daemon/health) and the failures
 * of real requests, which let a pair cool down.
 *
 * Any thread. What the path of a request asks takes no lock and allocates nothing. */
#pragma once

#include "lib/lock.h"

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CONFIG_PROBES_MAX 50 /* of one target: its history */

typedef enum
{
  CONFIG_PROBE_ACTIVE_CHECK,
  CONFIG_PROBE_PASSIVE_FAILURE,
  CONFIG_PROBE_AGENT_CONNECTIVITY,
} ConfigProbeSource;

/* What was once seen of a pair. */
typedef struct
{
  int64_t at_ms; /* UTC; 0: now */
  ConfigProbeSource source;
  bool good;
  unsigned status_code; /* 0: none */
  int64_t duration_ms;  /* negative: not measured */
  int64_t agent_id;     /* 0: direct */
  const char *error;    /* (borrowed) (nullable: good) "the origin refused the connection" */
} ConfigProbe;

/* What active checks say. */
typedef enum
{
  CONFIG_HEALTH_UNKNOWN, /* nobody asked, or not often enough: in use */
  CONFIG_HEALTH_HEALTHY,
  CONFIG_HEALTH_UNHEALTHY, /* not used */
} ConfigHealth;

typedef struct ConfigPairState ConfigPairState;
struct ConfigPairState
{
  _Atomic (ConfigPairState *) next; /* of the same bucket; ends with the target's state */
  atomic_int_fast64_t agent_id;     /* negative: free for another agent of the bucket */
  atomic_uint health;               /* ConfigHealth; changed under the lock */
  atomic_int_fast64_t cool_until_us;
  atomic_int_fast64_t
      tried_us; /* when the cool-down began, or a request was last let through as a trial */
  atomic_int_fast64_t good_at_us; /* of a real request's good answer */
  atomic_uint n_failures;         /* of real requests, since their last answer */
  atomic_uint n_cool_downs;       /* since then */
  atomic_uint active;     /* requests under way; counted where the choice of an agent asks for it */
  unsigned n_good, n_bad; /* (lock) checks in a row */
  char *last_error;       /* (lock) (owned) (nullable) why it is not used, or was doubted last */
};

#define CONFIG_PAIR_BUCKETS 64

/* One a target, passed on to its later versions. */
typedef struct
{
  atomic_uint n_refs;
  atomic_uint active;      /* requests under way; counted where a policy or a limit asks for it */
  atomic_uint connections; /* to the origin: in use, idle, or upgraded */
  atomic_uint turn;        /* of its agents */
  ConfigPairState direct;
  _Atomic (ConfigPairState *) *_Atomic agents; /* (owned) (nullable) buckets, by agent */
  P2pMutex lock;           /* guards what changes but atomics, and who makes pairs */
  GQueue probes;           /* (lock) (owned) newest first */
  int64_t last_checked_ms; /* (lock) UTC; 0: never */
} ConfigTargetState;

ConfigTargetState *config_target_state_new (void);
ConfigTargetState *config_target_state_ref (ConfigTargetState *state);
void config_target_state_unref (ConfigTargetState *state);

/* --- the path of a request
 * ------------------------------------------------------------------------- */

/* False: an active check found it unhealthy, or it is cooling down. now_us: p2p_now_us (). */
bool config_target_state_is_usable (ConfigTargetState *state, int64_t agent_id, int64_t now_us);

/* For a request that would find no target otherwise: true once in interval_us while the pair cools
 * down, so that an origin that is back is noticed soon. interval_us: 0 for never. */
bool config_target_state_may_try (ConfigTargetState *state,
                                  int64_t agent_id,
                                  int64_t now_us,
                                  int64_t interval_us);

/* A real request got an answer that speaks for the pair: a head with a status below 500. Ends the
 * count of failures, and a cool-down. Nothing for a pair that was never checked and never failed.
 */
void config_target_state_note_good (ConfigTargetState *state, int64_t agent_id, int64_t now_us);
/* Any other answer: the origin is there, and more is not known. */
void config_target_state_note_answer (ConfigTargetState *state, int64_t agent_id);

/* Requests under way through one agent. The pair lives as long as the state. */
ConfigPairState *config_target_state_count_pair (ConfigTargetState *state, int64_t agent_id);
unsigned config_target_state_get_active (ConfigTargetState *state, int64_t agent_id);

/* --- judges (short lock)
 * --------------------------------------------------------------------------- */

typedef struct
{
  unsigned failures; /* in a row; 0: never */
  int64_t first_ms; /* the first cool-down; each one that follows without an answer is twice as long
                       as the one before */
  int64_t longest_ms;
  int64_t trial_ms; /* how often a request is let through meanwhile when it has no other target; 0:
                       never */
} ConfigCoolDown;

/* A real request could not connect, or waited in vain. After so many in a row the pair cools down;
 * the first request afterwards decides whether it does so again. Those that were under way when it
 * began change nothing. The length of the cool-down that begins with this failure, in milliseconds;
 * 0: none does. */
int64_t config_target_state_note_failure (ConfigTargetState *state,
                                          const ConfigProbe *probe,
                                          const ConfigCoolDown *rules);

/* An active check ended. True: the health of the pair is another one now. */
bool config_target_state_note_check (ConfigTargetState *state,
                                     const ConfigProbe *probe,
                                     unsigned healthy_threshold,
                                     unsigned unhealthy_threshold,
                                     ConfigHealth *ret_health);

/* A check was due, and good traffic made it needless: counts like one, without a line in the
 * history. */
bool config_target_state_count_traffic (ConfigTargetState *state,
                                        int64_t agent_id,
                                        unsigned healthy_threshold,
                                        ConfigHealth *ret_health);

/* A line in the history, and nothing else. */
void config_target_state_note_probe (ConfigTargetState *state, const ConfigProbe *probe);

/* The pair is not checked any more, or another origin is: as if it never had been. */
void config_target_state_reset (ConfigTargetState *state, int64_t agent_id);
/* Its agent does not exist any more. */
void config_target_state_forget (ConfigTargetState *state, int64_t agent_id);

/* --- for people
 * ------------------------------------------------------------------------------------ */

typedef struct
{
  ConfigHealth health;
  bool usable;
  char *last_error; /* (owned) (nullable) */
} ConfigPairStatus;
void config_target_state_get_pair (ConfigTargetState *state,
                                   int64_t agent_id,
                                   int64_t now_us,
                                   ConfigPairStatus *ret_status);
/* When a real request last got a good answer; monotonic, 0: never. */
int64_t config_target_state_good_at (ConfigTargetState *state, int64_t agent_id);
/* UTC milliseconds of the newest active check; 0: none. */
int64_t config_target_state_last_checked (ConfigTargetState *state);
/* Newest first, ConfigProbe *; g_ptr_array_unref (). */
GPtrArray *config_target_state_list_probes (ConfigTargetState *state);
