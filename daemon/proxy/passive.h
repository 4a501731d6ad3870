/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Passive health: what requests learn about their targets. Who cannot be connected to or does not
 * answer in time, some times in a row, cools down and is passed over meanwhile; a target through
 * agents does so for each agent alone. Any worker; no call blocks. */
#pragma once

#include "daemon/proxy/proxy-priv.h"

/* Why there is no target, for people. */
#define NO_AGENT "the agent of this site is not connected"
#define NO_USABLE_TARGET "no target of this site can be used at the moment"

typedef enum
{
  TARGET_USABLE,
  TARGET_NO_AGENT, /* none that matches is connected */
  TARGET_UNUSABLE, /* unhealthy or cooling down, through every agent that is connected */
} TargetUse;

/* As active checks and passed requests see it. now_us: p2p_now_us (). */
TargetUse passive_judge (const Config *cfg, const ConfigTarget *target, int64_t now_us);

/* The request could not connect to its target, or waited in vain since then (0: nobody knows).
 * error: static, a clause for people. */
void
passive_note_failure (const Request *req, int64_t agent_id, const char *error, int64_t since_us);

/* A final answer came. */
void passive_note_answer (const Request *req, int64_t agent_id, unsigned status);
