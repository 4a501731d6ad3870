/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the files of the health checks share: one question to one pair, and when the next one is
 * due. */
#pragma once

#include "daemon/health/health.h"

typedef struct
{
  const Config *cfg;         /* (borrowed) */
  const ConfigRoute *route;  /* (borrowed: cfg) */
  const ConfigTarget *target; /* (borrowed: cfg) */
  int64_t agent_id;          /* 0: direct */
  const atomic_bool *stop;   /* (borrowed) true: the answer is not waited for any more */
} HealthQuestion;

typedef struct
{
  bool verdict; /* false: it could not be asked, which says nothing about the origin */
  bool good;
  unsigned status_code; /* 0: no answer */
  int64_t duration_ms;
  char error[256]; /* a sentence, or "" */
} HealthAnswer;

/* One request on a connection of its own. Blocks until the check's time-out at most (ask.c). */
void health_ask (const HealthQuestion *question, HealthAnswer *ret_answer);

/* The time from one check to the next: between 0.9 and 1.1 of the interval, by random. */
int64_t health_jitter (int64_t interval_us, uint32_t random);
