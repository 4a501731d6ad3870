/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The agents' room with tunnels over socket pairs: one agent, a route through it, and the ends of
 * the connections that came as that agent. On a ConfigFixture; one thread. */
#pragma once

#include "daemon/agents/agents-priv.h"
#include "tests/unit/yamux-pair.h"

#define AGENT_SITE_ENDS_MAX 8

/* The daemon's side, and the agents' ends that came to it. */
typedef struct
{
  Config *cfg; /* (owned) */
  const ConfigAgent *agent;
  const ConfigTarget *target;
  End ends[AGENT_SITE_ENDS_MAX];
  unsigned n_ends;
} AgentSite;

/* For End.serve: says that the origin is there, then echoes. */
void agent_site_serve (P2pStream *take_strm);

/* The room alone; agents_stop () ends it. */
void agents_fixture_start (int64_t drain_ms, int64_t ping_interval_ms);

/* With the room, whose pings are ten minutes apart. */
void agent_site_start (AgentSite *site, int64_t drain_ms);
void agent_site_stop (AgentSite *site);
/* A tunnel of that instance from that address; the room takes it. */
End *agent_site_come (AgentSite *site, const char *instance, const char *address);
/* A stream to the origin, through whoever holds the place. */
P2pStream *agent_site_open (AgentSite *site);
AgentStatus agent_site_status (const AgentSite *site);
/* Waits until who holds the place came from there. */
void agent_site_await_address (const AgentSite *site, const char *address);
