/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The configuration snapshot: an immutable, reference counted value, built from the store,
 * validated as a whole, then swapped in. A request takes a reference at its start and gives it back
 * at its end.
 *
 * Any thread. config_get_current () takes one short lock; nothing else here blocks, and nothing
 * reachable from a Config changes after config_swap (). What runs (health, pools, positions) lives
 * beside it, keyed by id. */
#pragma once

#include "daemon/certs/certs.h"
#include "daemon/config/target-state.h"
#include "lib/cidr.h"
#include "lib/span.h"
#include "lib/tls.h"

#include <glib.h>
#include <stdatomic.h>

/* A certificate that the daemon makes is made anew so long before its end. */
#define CONFIG_CERT_RENEW_MS (INT64_C (30) * 24 * 60 * 60 * 1000)

#define CONFIG_TARGETS_MAX 64 /* of a route */

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

typedef enum
{
  CONFIG_ACTION_FORWARD,
  CONFIG_ACTION_REDIRECT,
} ConfigAction;

/* How the next of several targets, or of several agents, is chosen. */
typedef enum
{
  CONFIG_BALANCE_ROUND_ROBIN,
  CONFIG_BALANCE_WEIGHTED_ROUND_ROBIN,
  CONFIG_BALANCE_RANDOM,
  CONFIG_BALANCE_WEIGHTED_RANDOM,
  CONFIG_BALANCE_LEAST_ACTIVE,
  CONFIG_BALANCE_WEIGHTED_LEAST_ACTIVE,
} ConfigBalancing;

typedef enum
{
  CONFIG_REDIRECT_SAME_HOST_PATH,            /* redirect_target: a path */
  CONFIG_REDIRECT_EXTERNAL_ORIGIN_KEEP_PATH, /* an origin; the whole path of the request follows */
  CONFIG_REDIRECT_ABSOLUTE_URL,              /* a URL, perhaps with a query and a fragment */
} ConfigRedirectMode;

typedef enum
{
  CONFIG_PROXY_PROTOCOL_OFF,
  CONFIG_PROXY_PROTOCOL_V1,
  CONFIG_PROXY_PROTOCOL_V2,
  CONFIG_PROXY_PROTOCOL_ANY,
} ConfigProxyProtocol;

typedef struct
{
  bool enabled;
  char *method; /* GET, HEAD, OPTIONS */
  char *path; /* starts with "/", perhaps with a query; the target's base_path does not stand before
                 it */
  int64_t interval_ms, timeout_ms;
  unsigned healthy_threshold, unhealthy_threshold;
  unsigned status_min, status_max; /* both included */
} ConfigHealthCheck;

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
  unsigned position;       /* in the route's whole list, disabled ones counted */
  unsigned priority_group; /* lower first; the next is for when none of this one can be used */
  unsigned weight;         /* 1..1000 */

  /* CONFIG_TARGET_STATIC: the whole answer, head fields after the status line and body, made once.
   */
  unsigned static_status_code;
  P2pSpan static_fields; /* "Name: value\r\n" lines, without Content-Length */
  P2pSpan static_body;

  /* CONFIG_TARGET_PROXY */
  ConfigTransport transport;
  /* Names the origin and how it is reached: equal in two snapshots exactly when an idle upstream
   * connection of the one may serve the other. Never used again for another origin. */
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
  ConfigBalancing agent_balancing; /* among the agents that match */
  bool tls_skip_verify;
  unsigned max_concurrent_requests, max_connections; /* 0: no limit */
  /* Set on each request to the origin: "Name: value\r\n" lines, made once; Authorization is among
   * them. What the client sends under these names (lower case, NULL-terminated) is not forwarded,
   * whatever it is spelled like. */
  P2pSpan request_fields;
  char **request_field_names;
  ConfigHealthCheck health;
  ConfigTargetState *state; /* (owned reference) */
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
  ConfigAction action;

  /* CONFIG_ACTION_REDIRECT */
  ConfigRedirectMode redirect_mode;
  char *redirect_target;
  unsigned redirect_status_code;
  bool redirect_preserve_path_suffix; /* what is behind the path prefix is appended */
  bool redirect_preserve_query;

  /* CONFIG_ACTION_FORWARD */
  ConfigBalancing balancing;
  ConfigTarget **targets; /* enabled ones, by priority group, then position */
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
  P2pCidr *trusted_proxies; /* whose forwarding fields and PROXY headers are believed */
  unsigned n_trusted_proxies;
  ConfigProxyProtocol proxy_protocol;
  ConfigRoute **routes; /* enabled ones, in order of priority and id */
  unsigned n_routes;
  ConfigListenerIndex *index; /* (owned) look-ups by host and SNI */
} ConfigListener;

typedef struct
{
  int64_t id;
  int64_t listener_id; /* 0: all https listeners */
  char *pattern;       /* lower case, "*.example.com" */
  bool enabled;
  bool renewed_here;   /* self-signed */
  P2pTlsCert *cert;    /* (nullable: its files could not be read since the start) */
  CertsFacts facts;    /* of the one in force */
  char *last_error;    /* (nullable) */
} ConfigCertificate;

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

/* A target wherever it stands, disabled ones included. */
typedef struct
{
  const ConfigRoute *route;
  const ConfigTarget *target;
  bool enabled; /* both of them are */
} ConfigFoundTarget;
/* route_id 0: of any route, at the cost of a look at all. False: there is none in this snapshot. */
bool
config_find_target (const Config *cfg, int64_t route_id, int64_t id, ConfigFoundTarget *ret_found);

/* Whether anybody asks how many requests are under way: only then they are counted. */
bool config_counts_requests (const ConfigRoute *route, const ConfigTarget *target);
/* Likewise through each agent. */
bool config_counts_pairs (const ConfigTarget *target);

/* The route for a canonical host and a path that starts with "/": the first in order of priority
 * and id whose host pattern and path prefix (whole segments) match, else the default route, else
 * NULL. Cost does not grow with the number of host names. */
const ConfigRoute *config_match (const ConfigListener *listener, P2pSpan host, P2pSpan path);

typedef enum
{
  CONFIG_FAULT_CERTIFICATE_MISSING, /* id: of a listener; count: of its hosts */
  CONFIG_FAULT_CERTIFICATE_ERROR,   /* id: of a certificate */
  CONFIG_FAULT_CERTIFICATE_EXPIRED,
} ConfigFaultKind;

typedef struct
{
  ConfigFaultKind kind;
  int64_t id;
  unsigned count;
} ConfigFault;

/* What works, and not as anybody could want it; g_array_unref (). */
GArray *config_list_faults (const Config *cfg, int64_t now_ms);

/* (nullable) */
const ConfigCertificate *config_find_certificate (const Config *cfg, int64_t id);

/* The certificate for an SNI (lower case, may be empty): exact name, then wildcard, then the
 * listener's fallback. A new reference, never NULL for an https listener. */
P2pTlsCert *config_choose_cert (const ConfigListener *listener, P2pSpan server_name);
/* Whether that is another one than the fallback. */
bool config_has_cert (const ConfigListener *listener, P2pSpan server_name);
/* Whether it chooses one and the same for both names. */
bool config_same_cert (const ConfigListener *listener, P2pSpan a, P2pSpan b);

/* Whether all labels of the target's selector stand, equal, among the agent's. */
bool config_selector_matches (const ConfigTarget *target, const ConfigAgent *agent);

/* Agents, (borrowed: the snapshot) in the order of their ids. */
typedef struct
{
  ConfigAgent *const *agents;
  unsigned n;
} ConfigAgents;
/* All that the target's selector may match: those that have the rarest of its labels. Costs a
 * look-up for each label, however many agents there are. */
ConfigAgents config_agents_for (const Config *cfg, const ConfigTarget *target);
