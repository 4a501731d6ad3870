/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the files of the configuration share: the objects as they stand in memory, each with a count
 * of references, so that snapshots share what did not change. An object is known again by (id,
 * version): the store never gives one pair to two contents. Everything is immutable once its
 * snapshot was swapped in, but the counts. */
#pragma once

#include "daemon/config/change.h"

#include <stdatomic.h>

typedef struct
{
  ConfigTarget pub; /* first: the public pointer is the box */
  atomic_uint n_refs;
  int64_t version;
  char *origin;       /* (owned) (nullable: static) what origin_key stands for, as text */
  char *tls_material; /* (owned) (nullable: not https) what pub.tls was made from */
} TargetBox;

typedef struct
{
  ConfigRoute pub;
  atomic_uint n_refs;
  int64_t version;
  int64_t listener_id;
  bool enabled;
  TargetBox **all_targets; /* (owned) disabled ones too; pub.targets points into it */
  unsigned n_all_targets;
} RouteBox;

/* Files that could not be used are read again then, changed or not. */
#define CONFIG_CERT_AGAIN_MS (INT64_C (60) * 1000)

/* What of a file changes when another one takes its place. */
typedef struct
{
  uint64_t device, inode, size, changed_ns, modified_ns;
} CertStamp;

typedef struct
{
  ConfigCertificate pub;
  atomic_uint n_refs;
  int64_t version;
  StoreCertificateSource source;
  char *certificate_path, *private_key_path; /* (owned) "" or both */
  CertStamp stamps[2];                       /* of the two, as they were read */
  int64_t again_at;                          /* with last_error */
} CertBox;

/* Two certificates of one name in one credentials object. */
typedef struct
{
  CertBox *first, *second; /* (owned references) */
  P2pTlsCert *cert;        /* (owned reference) */
} CertJoin;

typedef struct
{
  ConfigListener pub;
  atomic_uint n_refs;
  int64_t version;
  RouteBox **routes; /* (owned references) pub.routes, the same order */
} ListenerBox;

typedef struct
{
  ConfigAgent pub;
  atomic_uint n_refs;
  int64_t version;
} AgentBox;

typedef struct
{
  Config pub;
  atomic_uint n_refs;
  GPtrArray *routes;                 /* (owned) of RouteBox: all, by id */
  GPtrArray *certs;                  /* (owned) of CertBox, by id */
  GPtrArray *joins;                  /* (owned) of CertJoin */
  ConfigAgent **agents_by_public_id; /* (owned array) sorted */
  GHashTable *agents_by_label; /* (owned) ConfigLabel of an agent to GPtrArray of ConfigAgent */
} ConfigBox;

/* boxes.c: references. The last one frees. */
TargetBox *target_box_ref (TargetBox *box);
void target_box_unref (TargetBox *box);
RouteBox *route_box_ref (RouteBox *box);
void route_box_unref (RouteBox *box);
CertBox *cert_box_ref (CertBox *box);
void cert_box_unref (CertBox *box);
ListenerBox *listener_box_ref (ListenerBox *box);
void listener_box_unref (ListenerBox *box);
AgentBox *agent_box_ref (AgentBox *box);
void agent_box_unref (AgentBox *box);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TargetBox, target_box_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RouteBox, route_box_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CertBox, cert_box_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ListenerBox, listener_box_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AgentBox, agent_box_unref)

/* labels.c: of a snapshot whose agents are set. */
GHashTable *config_labels_new (const Config *cfg);

/* index.c: of a listener whose routes are set. certs: all of the snapshot. */
ConfigListenerIndex *config_index_new (const ConfigListener *listener, ConfigBox *cfg);
void config_index_free (ConfigListenerIndex *index);
/* Whether the listener's certificates are what certs would make them. */
bool config_index_has_certs (const ConfigListener *listener, const GPtrArray *certs);

/* error.c */
void config_set_error (GError **error, ConfigError code, const char *field, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/* check.c: the syntax of single values; NULL, or what is wrong with it as the end of a sentence
 * ("must not be empty"). */
const char *config_check_name (const char *name);
const char *config_check_host_pattern (const char *pattern);
const char *config_check_host (const char *host); /* a host name, or an address without brackets */
const char *config_check_path (
    const char *path); /* begins with "/", nothing that two readers could read in two ways */
const char *config_check_authority (const char *authority);
const char *config_check_token (const char *token); /* RFC 9110 section 5.6.2 */
const char *config_check_field_name (const char *name);
/* Of a field set on requests: not what the proxy itself says about the client either. */
const char *config_check_request_field_name (const char *name);
const char *config_check_field_value (const char *value);
const char *config_check_label_key (const char *key);
const char *config_check_label_value (const char *value);
const char *config_check_bind_address (const char *address);
bool config_is_address (const char *host);
/* As hosts are compared, see P2pRequestHead: in lower case, an IPv6 address as inet_ntop () writes
 * it. */
char *config_dup_host (const char *host);
const char *config_check_query (const char *query); /* what stands behind "?" or "#" */
char *config_trim_path (const char *path); /* without slashes at the end; "" for "/" */

/* url.c */
typedef struct
{
  bool https;
  char *host; /* lower case, without brackets; "unix:/path" */
  uint16_t port;
  char *base_path; /* "" or "/x" */
  char *authority; /* what Host says */
} ConfigUrl;
void config_url_clear (ConfigUrl *url);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ConfigUrl, config_url_clear)
/* NULL, or what is wrong. */
const char *config_url_parse (const char *text, ConfigUrl *ret_url);

/* The builder: one change, on one thread. */
typedef struct
{
  StoreTx *tx;          /* (borrowed) */
  const ConfigBox *old; /* (borrowed) (nullable) */
  ConfigBox *cfg;       /* (borrowed) being made */
  GPtrArray *warnings;  /* (borrowed) of char * */
  bool refresh;         /* no change by anybody: files and ends of certificates are looked at */
  GPtrArray *fresh;     /* (owned) of RouteBox, borrowed: routes that this change made or changed */
  GHashTable *origins;  /* (owned) (nullable: not needed yet) origin text -> uint64_t * */
  GHashTable *tls;      /* (owned) (nullable) tls_material -> P2pTlsClient */
} Builder;

/* build.c: the whole configuration as tx sees it, or NULL with error set. Writes the certificates
 * that are missing. */
ConfigBox *config_build (StoreTx *tx,
                         const ConfigBox *old,
                         bool refresh,
                         GPtrArray *warnings,
                         GError **error);

/* target.c, route.c, agent.c, listener.c: one object from its row. */
/* One target being made (target*.c). */
typedef struct
{
  const StoreRoute *route; /* (borrowed) */
  const StoreTarget *row;  /* (borrowed) */
  unsigned index;          /* of the target in its route, for the field */
  GError **error;
} TargetScope;
bool config_target_refuse (const TargetScope *scope, const char *member, const char *wrong);
/* wrong NULL: fine. */
bool config_target_pass (const TargetScope *scope, const char *member, const char *wrong);
/* target-fields.c */
bool config_target_make_static_fields (const TargetScope *scope, ConfigTarget *pub);
bool config_target_make_request_fields (const TargetScope *scope, ConfigTarget *pub);
/* target-health.c */
bool config_target_make_health (const TargetScope *scope, ConfigTarget *pub);

/* redirect.c: NULL, or what is wrong with the target of a redirect of this mode. */
const char *config_check_redirect_target (ConfigRedirectMode mode, const char *target);
bool config_is_redirect_status (int64_t status);
/* Whether the route would answer the request that its own redirect leads to. */
bool config_redirect_returns (const ConfigRoute *route);

TargetBox *
config_make_target (Builder *builder, const StoreRoute *route, unsigned index, GError **error);
RouteBox *config_make_route (Builder *builder, const StoreRoute *row, GError **error);
AgentBox *config_make_agent (const StoreAgent *row, GError **error);
ListenerBox *config_make_listener (const StoreListener *row, GError **error);
ConfigLabel *config_make_labels (const GPtrArray *pairs, unsigned n_more);
void config_free_labels (ConfigLabel *labels, unsigned n_labels);
/* Whether no two take connections for one address and port. */
bool config_check_listeners (const ConfigBox *cfg, GError **error);

/* faults.c. old: (nullable) as it was in force; nothing new is told when it is the same. */
void config_warn_about_hosts (const ConfigListener *old,
                              const ConfigListener *listener,
                              GPtrArray *warnings);

/* certificates.c */
bool config_load_certificates (Builder *builder, GError **error);
/* (borrowed: cfg) */
P2pTlsCert *config_join_certs (ConfigBox *cfg, CertBox *first, CertBox *second);

/* certificate.c. old: (nullable) the same certificate as it is in force. */
CertBox *config_make_certificate (Builder *builder,
                                  const StoreCertificate *row,
                                  const CertBox *old,
                                  GError **error);
bool config_cert_files_changed (const CertBox *box);
/* Its end is near, or its files deserve another try. */
bool config_cert_is_due (const CertBox *box);
