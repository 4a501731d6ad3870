/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Active health checks: every target that wants them is asked now and then, directly or through
 * each agent that matches, unless real requests did it already. What comes of it stands in the
 * target's state (daemon/config/target-state.h), where the path of a request sees it; this is the
 * door for who starts the checker and for who tells people. */
#pragma once

#include "daemon/config/config.h"

#include <glib.h>

/* At once. */
#define HEALTH_CHECKS_MAX 64

/* Main thread; after the proxy, whose way to the origins it uses, and before anything that changes
 * configuration. */
bool health_start (GError **error);
/* Joins its threads: checks that wait for an answer end at once, those that still connect at their
 * own deadline. */
void health_stop (void);

typedef enum
{
  HEALTH_UNKNOWN,
  HEALTH_HEALTHY,
  HEALTH_UNHEALTHY,    /* no pair of it may be used: by active checks, or because it cools down */
  HEALTH_DISABLED,     /* it or its route is */
  HEALTH_DISCONNECTED, /* no agent that matches is connected */
} HealthWord;
extern const char *const health_words[];

typedef struct
{
  HealthWord word;
  int64_t last_checked_ms; /* UTC; 0: never */
  char *last_error;        /* (owned) (nullable) */
} HealthStatus;

/* Any thread; short locks. A target with several agents is as good as the best of its pairs. */
void
health_get_status (const Config *cfg, const ConfigFoundTarget *found, HealthStatus *ret_status);
void health_status_clear (HealthStatus *status);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HealthStatus, health_status_clear)
