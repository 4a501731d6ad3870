/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A store in a directory of its own with the configuration started on it, and changes in one line.
 */
#pragma once

#include "daemon/config/change.h"
#include "tests/unit/tls-fixture.h"

typedef struct
{
  char *dir;
  Store *store;
} ConfigFixture;

void config_fixture_init (ConfigFixture *fixture, const void *data);
void config_fixture_done (ConfigFixture *fixture, const void *data);
/* Stops and starts again on the same file. */
void config_fixture_restart (ConfigFixture *fixture);
void config_fixture_set (char **field, const char *value);

/* A change whose callback is func; its error, or NULL when it went through. */
GError *config_fixture_change (ConfigApplyFunc func, void *data);

/* What one change does with the rows that are there: inserts them, or writes them anew; then
 * deletes. */
typedef struct
{
  StoreListener *listener;               /* (borrowed) (nullable) */
  StoreRoute *route;                     /* (borrowed) (nullable) */
  StoreAgent *agent;                     /* (borrowed) (nullable) */
  int64_t delete_listener, delete_route; /* ids, or 0 */
  bool update;
} ConfigEdit;

/* For ConfigChange.apply; data is a ConfigEdit. */
bool config_fixture_apply (StoreTx *tx, ConfigChange *change, void *data, GError **error);
/* As config_fixture_change (). */
GError *config_fixture_edit (ConfigEdit *edit);

/* These write rows inside a change of their own and set the row's id; the change must go through.
 */
void config_fixture_add_listener (StoreListener *row);
void config_fixture_add_route (StoreRoute *row);
void config_fixture_add_agent (StoreAgent *row);
void config_fixture_add_certificate (StoreCertificate *row);

StoreListener *config_fixture_listener (const char *name, StoreProtocol protocol, int port);
StoreRoute *
config_fixture_route (int64_t listener_id, const char *name, const char *host, const char *path);
/* Adds a target to the route and gives it back. */
StoreTarget *config_fixture_target (StoreRoute *route, const char *name, const char *url);
/* With the chain and the key of cert (nullable) as text. */
StoreCertificate *config_fixture_certificate (const char *pattern, const TlsFixtureCert *cert);
/* For ConfigChange.apply: inserts data, a StoreCertificate; makes it first when it signs itself. */
bool
config_fixture_apply_certificate (StoreTx *tx, ConfigChange *change, void *data, GError **error);
/* As config_fixture_change (). */
GError *config_fixture_insert_certificate (StoreCertificate *row);

/* The route's first target in the snapshot, or NULL. */
const ConfigTarget *
config_fixture_find_target (const Config *cfg, int64_t listener_id, const char *route_name);
unsigned config_fixture_count_audit (ConfigFixture *fixture);

/* A test with a fixture of its own. */
void config_fixture_add_test (const char *path,
                              void (*func) (ConfigFixture *fixture, const void *data));
