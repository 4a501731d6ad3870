/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What would happen to a request: the same parser and the same steps as for a real one, without a
 * connection and without asking anybody. Any thread but the acceptor's, after proxy_start ();
 * nothing blocks. */
#pragma once

#include "daemon/config/config.h"

#include <netinet/in.h>

#define PROXY_EXPLAINED_STEPS_MAX 16

typedef enum
{
  PROXY_STEP_PASSED,   /* on with the next */
  PROXY_STEP_ANSWERED, /* here the request ends */
  PROXY_STEP_FORWARDS, /* here it would go to the origin: nothing was sent */
} ProxyStepOutcome;

typedef struct
{
  const char *name; /* static */
  ProxyStepOutcome outcome;
  char detail[256]; /* a sentence, or "" */
} ProxyExplainedStep;

typedef enum
{
  PROXY_WOULD_REFUSE, /* an answer of ours that says no */
  PROXY_WOULD_REDIRECT,
  PROXY_WOULD_ANSWER, /* a static target */
  PROXY_WOULD_FORWARD,
} ProxyOutcome;

typedef struct
{
  ProxyExplainedStep steps[PROXY_EXPLAINED_STEPS_MAX];
  unsigned n_steps;
  ProxyOutcome outcome;
  unsigned status;  /* 0: the origin's */
  char detail[256]; /* why it is refused, or "" */
  char *location;   /* (owned) (nullable: no redirect) */
  char *host,
      *path; /* (owned) (nullable: no request) the canonical host and the path that was matched */
  char address[INET6_ADDRSTRLEN]; /* the client's, as it is known everywhere */
  Config *cfg;                    /* (owned reference) what the rest points into */
  const ConfigListener *listener; /* (borrowed: cfg) */
  const ConfigRoute *route;       /* (borrowed: cfg) (nullable) */
  const ConfigTarget *target;     /* (borrowed: cfg) (nullable) */
} ProxyExplanation;

/* head: a request's head as a client would send it, to the listener, from the address. False: no
 * such listener. */
bool proxy_explain (int64_t listener_id,
                    P2pSpan head,
                    const char *address,
                    ProxyExplanation *ret_explanation);
void proxy_explanation_clear (ProxyExplanation *explanation);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ProxyExplanation, proxy_explanation_clear)
