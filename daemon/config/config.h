/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The configuration snapshot: an immutable, reference counted value, built from the store, validated as a whole,
 * then swapped in. A request takes a reference at its start and gives it back at its end.
 *
 * Any thread. config_get_current () takes one short lock; nothing else here blocks, and nothing reachable from a
 * Config changes after config_swap (). What runs (health, pools, positions) lives beside it, keyed by id. */
#pragma once

#include "lib/span.h"
#include "lib/tls.h"

#include <glib.h>

typedef struct Config Config;

typedef enum
{
  CONFIG_PROTOCOL_HTTP,
  CONFIG_PROTOCOL_HTTPS,
} ConfigProtocol;

typedef enum
{
  CONFIG_TARGET_PROXY,
  CONFIG_TARGET_STATIC,
} ConfigTargetType;

typedef enum
{
  CONFIG_TRANSPORT_DIRECT,
  CONFIG_TRANSPORT_AGENT,
} ConfigTransport;

typedef enum
{
  CONFIG_HOST_PRESERVE,
  CONFIG_HOST_TARGET,
  CONFIG_HOST_CUSTOM,
} ConfigHostHeader;

typedef enum
{
  CONFIG_PATH_STRICT,
  CONFIG_PATH_ALLOW_ENCODED_SEPARATORS,
} ConfigPathSecurity;

typedef struct
{
  char *key;
  char *value;
} ConfigLabel;

typedef struct
{
  int64_t id;
  char *name;
  ConfigTargetType type;
  bool enabled;

  /* CONFIG_TARGET_STATIC: the whole answer, head fields after the status line and body, made once. */
  unsigned static_status_code;
  P2pSpan static_fields; /* "Name: value\r\n" lines, without Content-Length */
  P2pSpan static_body;

  /* CONFIG_TARGET_PROXY */
  ConfigTransport transport;
  /* Names the origin and how it is reached: equal in two snapshots exactly when an idle upstream connection of
   * the one may serve the other. Never used again for another origin. */
  uint64_t origin_key;
  bool https;
  char *host;          /* name or address without brackets, or "unix:/path" */
  uint16_t port;
  char *base_path;     /* put before the request's path: "" or "/x", no slash at its end */
  ConfigHostHeader host_header;
  char *host_value;    /* what Host becomes for TARGET and CUSTOM; NULL for PRESERVE */
  char **allowed_upgrades; /* lower case, NULL-terminated; may be empty */
  P2pTlsClient *tls;   /* (nullable: not https) */
  char *tls_server_name; /* never NULL with https */
  int64_t connect_timeout_ms, response_header_timeout_ms, idle_timeout_ms;
  ConfigLabel *labels; /* agent_selector.match_labels */
  unsigned n_labels;
} ConfigTarget;

typedef struct
{
  int64_t id;
  char *name;
  int64_t priority; /* lower first, then id */
  char *host_pattern; /* lower case; "" any; "*.example.com" */
  char *path_prefix;  /* starts with "/" */
  bool is_default;
  ConfigPathSecurity path_security;
  ConfigTarget **targets; /* enabled ones, in the order of position */
  unsigned n_targets;
} ConfigRoute;

typedef struct ConfigListenerIndex ConfigListenerIndex;

typedef struct
{
  int64_t id;
  char *name;
  ConfigProtocol protocol;
  char *bind_address; /* "" all; an address; "unix:/path" */
  uint16_t port;      /* 0: the kernel's choice */
  bool enabled;
  ConfigRoute **routes; /* enabled ones, in order of priority and id */
  unsigned n_routes;
  ConfigListenerIndex *index; /* (owned) look-ups by host and SNI */
} ConfigListener;

typedef struct
{
  int64_t id;
  char *public_id;
  char *name;
  bool enabled;
  uint8_t token_sha256[32];
  ConfigLabel *labels; /* the person's and the system's */
  unsigned n_labels;
} ConfigAgent;

struct Config
{
  uint64_t version; /* grows with each snapshot */
  ConfigListener **listeners;
  unsigned n_listeners;
  ConfigAgent **agents;
  unsigned n_agents;
};

Config *config_ref (Config *cfg);
void config_unref (Config *cfg);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Config, config_unref)

/* A new reference to the snapshot in force; never NULL after config_start (). */
Config *config_get_current (void);

const ConfigListener *config_find_listener (const Config *cfg, int64_t id);
const ConfigAgent *config_find_agent (const Config *cfg, P2pSpan public_id);
const ConfigAgent *config_find_agent_by_id (const Config *cfg, int64_t id);

/* The route for a canonical host and a path that starts with "/": the first in order of priority and id whose host pattern and path
 * prefix (whole segments) match, else the default route, else NULL. Cost does not grow with the number of host names. */
const ConfigRoute *config_match (const ConfigListener *listener, P2pSpan host, P2pSpan path);

/* The certificate for an SNI (lower case, may be empty): exact name, then wildcard, then the listener's fallback. A new
 * reference, never NULL for an https listener. */
P2pTlsCert *config_choose_cert (const ConfigListener *listener, P2pSpan server_name);

/* Whether all labels of the target's selector stand, equal, among the agent's. */
bool config_selector_matches (const ConfigTarget *target, const ConfigAgent *agent);
