/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The store: what outlives the daemon, in one SQLite file. The only room that knows SQL.
 *
 * Everything is read and written inside a transaction: StoreTx. A read transaction sees one state
 * of the file and never waits for the writer; there is one write transaction at a time (lock
 * STORE). A StoreTx belongs to the thread that began it. Nothing on the data path comes here: these
 * calls block on the disk.
 *
 * Rows are plain structs whose strings the row owns; what a function returns belongs to the caller.
 * Stamps are UTC milliseconds, 0 for never. Ids are never used twice. A version starts at 1 and
 * grows with each change of configuration. */
#pragma once

#include "lib/span.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum
{
  STORE_ERROR_NOT_FOUND, /* no such object */
  STORE_ERROR_CONFLICT,  /* a name is taken, or the object is in use */
  STORE_ERROR_REFERENCE, /* names an object that does not exist; the field says which */
  STORE_ERROR_STALE,     /* if_version is not the present version */
  STORE_ERROR_BUSY,      /* the file is locked, or no connection came free in time */
  STORE_ERROR_FULL,      /* the disk is full */
  STORE_ERROR_READONLY,  /* the disk or the file cannot be written */
  STORE_ERROR_CORRUPT,   /* not a database, damaged, or not ours */
  STORE_ERROR_NEWER,     /* made by a newer version of the program */
  STORE_ERROR_INTERNAL,
} StoreError;
#define STORE_ERROR (store_error_quark ())
GQuark store_error_quark (void);
/* The member that the error is about ("name"), or NULL. */
const char *store_error_get_field (const GError *error);

/* ---- Opening, transactions ---- */

typedef struct Store Store;
typedef struct StoreTx StoreTx;

/* Opens, or makes, dir/p2pstream.db; migrates it, keeping a copy of an existing file first. Takes
 * the directory's lock: a second daemon on the same directory is STORE_ERROR_BUSY. Before the first
 * thread. */
Store *store_open (const char *dir, GError **error);
/* After the last transaction. */
void store_close (Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Store, store_close)

StoreTx *store_begin_read (Store *store, GError **error);
/* BEGIN IMMEDIATE; holds the lock STORE until store_commit () or store_end (). */
StoreTx *store_begin_write (Store *store, GError **error);
/* On disk when it returns true. On failure nothing has changed; store_end () follows either way. */
bool store_commit (StoreTx *tx, GError **error);
/* Frees; rolls back unless committed. */
void store_end (StoreTx *tx);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreTx, store_end)

/* ---- Words and pairs ---- */

/* Enumerations stand in the file and in the API as these words, NULL-terminated, in the order of
 * the enum. */
extern const char *const store_role_words[];
extern const char *const store_protocol_words[];
extern const char *const store_path_security_words[];
extern const char *const store_target_type_words[];
extern const char *const store_transport_words[];
extern const char *const store_host_header_words[];
extern const char *const store_session_kind_words[];
extern const char *const store_action_words[];
extern const char *const store_balancing_words[];
extern const char *const store_redirect_mode_words[];
extern const char *const store_proxy_protocol_words[];
extern const char *const store_health_method_words[];
extern const char *const store_certificate_source_words[];
/* The value of a word, -1 when it is none of them. */
int store_word_find (const char *const *words, const char *word);

typedef enum
{
  STORE_ROLE_ADMIN,
  STORE_ROLE_OPERATOR,
  STORE_ROLE_VIEWER
} StoreRole;
typedef enum
{
  STORE_PROTOCOL_HTTP,
  STORE_PROTOCOL_HTTPS
} StoreProtocol;
typedef enum
{
  STORE_PATH_STRICT,
  STORE_PATH_ALLOW_ENCODED_SEPARATORS
} StorePathSecurity;
typedef enum
{
  STORE_TARGET_PROXY,
  STORE_TARGET_STATIC
} StoreTargetType;
typedef enum
{
  STORE_TRANSPORT_DIRECT,
  STORE_TRANSPORT_AGENT
} StoreTransport;
typedef enum
{
  STORE_HOST_PRESERVE,
  STORE_HOST_TARGET,
  STORE_HOST_CUSTOM
} StoreHostHeader;
typedef enum
{
  STORE_SESSION_BEARER,
  STORE_SESSION_COOKIE
} StoreSessionKind;
typedef enum
{
  STORE_ACTION_FORWARD,
  STORE_ACTION_REDIRECT
} StoreAction;
typedef enum
{
  STORE_BALANCE_ROUND_ROBIN,
  STORE_BALANCE_WEIGHTED_ROUND_ROBIN,
  STORE_BALANCE_RANDOM,
  STORE_BALANCE_WEIGHTED_RANDOM,
  STORE_BALANCE_LEAST_ACTIVE,
  STORE_BALANCE_WEIGHTED_LEAST_ACTIVE
} StoreBalancing;
typedef enum
{
  STORE_REDIRECT_SAME_HOST_PATH,
  STORE_REDIRECT_EXTERNAL_ORIGIN_KEEP_PATH,
  STORE_REDIRECT_ABSOLUTE_URL
} StoreRedirectMode;
typedef enum
{
  STORE_PROXY_PROTOCOL_OFF,
  STORE_PROXY_PROTOCOL_V1,
  STORE_PROXY_PROTOCOL_V2,
  STORE_PROXY_PROTOCOL_ANY
} StoreProxyProtocol;
typedef enum
{
  STORE_HEALTH_GET,
  STORE_HEALTH_HEAD,
  STORE_HEALTH_OPTIONS
} StoreHealthMethod;
typedef enum
{
  STORE_CERTIFICATE_MANUAL, /* uploaded, or in files */
  STORE_CERTIFICATE_SELF_SIGNED,
  STORE_CERTIFICATE_ACME,
  STORE_CERTIFICATE_FALLBACK /* a listener's own, for names that no other is for */
} StoreCertificateSource;

/* A label or a header field. Lists of them are GPtrArrays that free their elements; never NULL in a
 * row. */
typedef struct
{
  char *name;
  char *value;
  bool sensitive; /* the value is never shown: wiped when freed */
} StorePair;

GPtrArray *store_pairs_new (void);
void store_pairs_add (GPtrArray *pairs, const char *name, const char *value);
void store_pairs_add_sensitive (GPtrArray *pairs, const char *name, const char *value);
GPtrArray *store_pairs_copy (const GPtrArray *pairs);
bool store_pairs_equal (const GPtrArray *a, const GPtrArray *b);
/* The value of the first pair of that name, or NULL. */
const char *store_pairs_get (const GPtrArray *pairs, const char *name);

/* ---- Rows ---- */

#define STORE_HASH_SIZE 32  /* SHA-256 of a token */
#define STORE_LIST_MAX 1000 /* rows a list call returns at most */

typedef struct
{
  int64_t id, version;
  char *username;
  char *password_hash; /* crypt (3) form */
  StoreRole role;
  int64_t created_at, last_login_at;
} StoreUser;

typedef struct
{
  int64_t id;
  int64_t user_id;
  char *username; /* read only: of the user */
  StoreRole role; /* read only: of the user */
  StoreSessionKind kind;
  uint8_t token_sha256[STORE_HASH_SIZE];
  int64_t created_at, last_used_at, expires_at;
  char *address;
  char *client; /* User-Agent */
} StoreSession;

typedef struct
{
  int64_t id, version;
  char *name;
  StoreRole role;
  bool enabled;
  uint8_t token_sha256[STORE_HASH_SIZE];
  int64_t created_at, expires_at, last_used_at;
} StoreToken;

typedef struct
{
  int64_t id, version;
  char *name;
  StoreProtocol protocol;
  char *bind_address; /* "" all */
  int64_t port;
  bool enabled;
  char **trusted_proxy_cidrs;
  StoreProxyProtocol accept_proxy_protocol;
} StoreListener;

typedef struct
{
  int64_t id;      /* 0: to be made */
  int64_t version; /* grows when a member of this target changes */
  char *name;
  StoreTargetType type;
  bool enabled;
  int64_t priority_group, weight;
  StoreTransport transport;
  char *url;               /* "" for static */
  GPtrArray *match_labels; /* of StorePair */
  StoreBalancing agent_load_balancing;
  StoreHostHeader host_header;
  char *custom_host_header;
  char **allowed_upgrades;
  bool tls_skip_verify;
  char *tls_server_name; /* "" from the URL */
  char *tls_ca_pem;      /* "" the system's */
  int64_t upstream_connect_timeout_ms, upstream_response_header_timeout_ms,
      upstream_idle_timeout_ms;
  int64_t max_concurrent_requests, max_connections; /* 0: no limit */
  GPtrArray *upstream_request_headers;              /* of StorePair, some sensitive */
  char *upstream_username, *upstream_password;      /* "" none */
  bool health_enabled;
  StoreHealthMethod health_method;
  char *health_path;
  int64_t health_interval_ms, health_timeout_ms, health_healthy_threshold,
      health_unhealthy_threshold, health_status_min, health_status_max;
  int64_t static_status_code;
  GPtrArray *static_response_headers; /* of StorePair */
  char *static_response_body;
} StoreTarget;

typedef struct
{
  int64_t id, version;
  int64_t listener_id;
  char *name;
  int64_t priority;
  char *host_pattern; /* "" any */
  char *path_prefix;
  bool enabled;
  bool is_default;
  StorePathSecurity path_security_mode;
  StoreAction action;
  StoreBalancing target_load_balancing;
  StoreRedirectMode redirect_target_mode;
  char *redirect_target;
  int64_t redirect_status_code;
  bool redirect_preserve_path_suffix, redirect_preserve_query;
  GPtrArray *targets; /* of StoreTarget, in the order of position (from 0) */
} StoreRoute;

typedef struct
{
  int64_t id, version;
  char *public_id;
  char *name;
  bool enabled;
  GPtrArray *labels; /* of StorePair: the person's, not the system's */
  uint8_t token_sha256[STORE_HASH_SIZE];
  int64_t created_at;
} StoreAgent;

typedef struct
{
  int64_t id, version;
  int64_t listener_id;    /* 0: for all listeners */
  char *hostname_pattern; /* "" for a fallback */
  StoreCertificateSource source;
  bool enabled;
  char *certificate_pem; /* "" while there is none, or it stands in a file */
  char *private_key_pem;
  char *certificate_path; /* "" or, of both files, absolute */
  char *private_key_path;
  int64_t created_at, not_after; /* not_after: of those that the daemon makes */
} StoreCertificate;

typedef struct
{
  int64_t id;
  int64_t at;
  char *principal; /* "user:alice", "token:ci", "setup" */
  char *address;
  char *action;   /* "create", "update", "delete", ... */
  char *resource; /* "listeners", ... */
  int64_t object_id;
  char *before; /* (nullable) JSON, secrets masked */
  char *after;  /* (nullable) */
  char *request_id;
} StoreAudit;

/* A zeroed row with the defaults of the API and empty strings, so that only what is given need be
 * set. */
StoreUser *store_user_new (void);
StoreSession *store_session_new (void);
StoreToken *store_token_new (void);
StoreListener *store_listener_new (void);
StoreTarget *store_target_new (void);
StoreRoute *store_route_new (void);
StoreAgent *store_agent_new (void);
StoreCertificate *store_certificate_new (void);
StoreAudit *store_audit_new (void);

void store_user_free (StoreUser *row);
void store_session_free (StoreSession *row);
void store_token_free (StoreToken *row);
void store_listener_free (StoreListener *row);
void store_target_free (StoreTarget *row);
void store_route_free (StoreRoute *row);
void store_agent_free (StoreAgent *row);
void store_certificate_free (StoreCertificate *row);
void store_audit_free (StoreAudit *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreUser, store_user_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreSession, store_session_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreToken, store_token_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreListener, store_listener_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreTarget, store_target_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreRoute, store_route_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreAgent, store_agent_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreCertificate, store_certificate_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreAudit, store_audit_free)

/* ---- Calls, one group a table ----
 *
 * _insert sets row->id, row->version (and created_at where it is 0, and targets' ids). _update
 * writes all members of the row with row->id, sets row->version, and leaves what is listed as read
 * only. if_version: the version the caller has seen, 0 for any. _get and _find:
 * STORE_ERROR_NOT_FOUND when there is none. Lists run by rising id from after_id on, at most limit
 * rows (STORE_LIST_MAX); ask for one more than you show to learn whether there are more. */

bool store_user_insert (StoreTx *tx, StoreUser *row, GError **error);
bool store_user_update (StoreTx *tx, StoreUser *row, int64_t if_version, GError **error);
bool store_user_delete (StoreTx *tx,
                        int64_t id,
                        int64_t if_version,
                        GError **error); /* and the user's sessions */
StoreUser *store_user_get (StoreTx *tx, int64_t id, GError **error);
StoreUser *store_user_find (StoreTx *tx, const char *username, GError **error);
GPtrArray *store_user_list (StoreTx *tx, int64_t after_id, unsigned limit, GError **error);
/* Users of a role, for "the last admin cannot go"; -1 with error set. */
int64_t store_user_count (StoreTx *tx, StoreRole role, GError **error);
/* Does not change the version. */
bool store_user_set_last_login (StoreTx *tx, int64_t id, int64_t at, GError **error);

bool store_session_insert (StoreTx *tx, StoreSession *row, GError **error);
StoreSession *store_session_get (StoreTx *tx, int64_t id, GError **error);
StoreSession *
store_session_find (StoreTx *tx, const uint8_t token_sha256[STORE_HASH_SIZE], GError **error);
bool store_session_set_used (StoreTx *tx,
                             int64_t id,
                             int64_t last_used_at,
                             int64_t expires_at,
                             GError **error);
bool store_session_delete (StoreTx *tx, int64_t id, GError **error);
/* All sessions of the user but one (0: none is kept). */
bool store_session_delete_of_user (StoreTx *tx, int64_t user_id, int64_t keep_id, GError **error);
bool store_session_delete_expired (StoreTx *tx, int64_t now, GError **error);
/* user_id 0: everybody's. */
GPtrArray *
store_session_list (StoreTx *tx, int64_t user_id, int64_t after_id, unsigned limit, GError **error);

bool store_token_insert (StoreTx *tx, StoreToken *row, GError **error);
bool store_token_update (StoreTx *tx, StoreToken *row, int64_t if_version, GError **error);
bool store_token_delete (StoreTx *tx, int64_t id, int64_t if_version, GError **error);
StoreToken *store_token_get (StoreTx *tx, int64_t id, GError **error);
StoreToken *
store_token_find (StoreTx *tx, const uint8_t token_sha256[STORE_HASH_SIZE], GError **error);
GPtrArray *store_token_list (StoreTx *tx, int64_t after_id, unsigned limit, GError **error);
bool store_token_set_used (StoreTx *tx, int64_t id, int64_t at, GError **error);

bool store_listener_insert (StoreTx *tx, StoreListener *row, GError **error);
bool store_listener_update (StoreTx *tx, StoreListener *row, int64_t if_version, GError **error);
/* STORE_ERROR_CONFLICT while it has routes: the sentence names them. */
bool store_listener_delete (StoreTx *tx, int64_t id, int64_t if_version, GError **error);
StoreListener *store_listener_get (StoreTx *tx, int64_t id, GError **error);
GPtrArray *store_listener_list (StoreTx *tx, int64_t after_id, unsigned limit, GError **error);

/* Targets go with their route: the list is the whole list. A target with an id must be of this
 * route, one without is made, one left out is deleted. */
bool store_route_insert (StoreTx *tx, StoreRoute *row, GError **error);
bool store_route_update (StoreTx *tx, StoreRoute *row, int64_t if_version, GError **error);
bool store_route_delete (StoreTx *tx, int64_t id, int64_t if_version, GError **error);
StoreRoute *store_route_get (StoreTx *tx, int64_t id, GError **error);
/* listener_id 0: of all listeners. */
GPtrArray *store_route_list (StoreTx *tx,
                             int64_t listener_id,
                             int64_t after_id,
                             unsigned limit,
                             GError **error);

/* Without the token: store_agent_set_token (). */
bool store_agent_insert (StoreTx *tx, StoreAgent *row, GError **error);
bool store_agent_update (StoreTx *tx,
                         StoreAgent *row,
                         int64_t if_version,
                         GError **error); /* not public_id, not the token */
bool store_agent_set_token (StoreTx *tx,
                            int64_t id,
                            const uint8_t token_sha256[STORE_HASH_SIZE],
                            GError **error);
bool store_agent_delete (StoreTx *tx, int64_t id, int64_t if_version, GError **error);
StoreAgent *store_agent_get (StoreTx *tx, int64_t id, GError **error);
GPtrArray *store_agent_list (StoreTx *tx, int64_t after_id, unsigned limit, GError **error);

bool store_certificate_insert (StoreTx *tx, StoreCertificate *row, GError **error);
bool store_certificate_update (StoreTx *tx,
                               StoreCertificate *row,
                               int64_t if_version,
                               GError **error);
bool store_certificate_delete (StoreTx *tx, int64_t id, int64_t if_version, GError **error);
StoreCertificate *store_certificate_get (StoreTx *tx, int64_t id, GError **error);
/* Without the listeners' fallbacks, which are nobody's to change. */
GPtrArray *store_certificate_list (StoreTx *tx, int64_t after_id, unsigned limit, GError **error);

typedef struct
{
  int64_t from, to;      /* at, to is exclusive; 0: open */
  const char *principal; /* (nullable) */
  const char *resource;  /* (nullable) */
} StoreAuditFilter;

bool store_audit_insert (StoreTx *tx, StoreAudit *row, GError **error);
/* Newest first: ids below before_id (0: from the newest). */
GPtrArray *store_audit_list (StoreTx *tx,
                             const StoreAuditFilter *filter,
                             int64_t before_id,
                             unsigned limit,
                             GError **error);

/* Single values by key: "instance_id", "setup_at", ... _insert has one winner: STORE_ERROR_CONFLICT
 * for the second. */
char *store_meta_get (StoreTx *tx, const char *key, GError **error);
bool store_meta_insert (StoreTx *tx, const char *key, const char *value, GError **error);
bool store_meta_set (StoreTx *tx, const char *key, const char *value, GError **error);
/* The daemon's own id, 32 hex digits, made with the file; constant, borrowed from the store. */
const char *store_get_instance_id (const Store *store);

/* For the configuration: (id, version) of every row, by rising id. A pair never comes back with
 * other contents. */
typedef enum
{
  STORE_TABLE_LISTENERS,
  STORE_TABLE_ROUTES,
  STORE_TABLE_AGENTS,
  STORE_TABLE_CERTIFICATES,
} StoreTable;

typedef struct
{
  int64_t id, version;
} StoreVersion;

GArray *store_list_versions (StoreTx *tx, StoreTable table, GError **error);
