/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The one way to change configuration: a callback writes to the store inside one transaction; the
 * whole configuration is built from that transaction and validated; the audit row, the commit, the
 * swap and the observers follow. Whatever fails on the way leaves file and snapshot as they were.
 *
 * Any thread that may block on the disk; CONFIG_WRITE is held throughout, STORE until the commit.
 */
#pragma once

#include "daemon/config/config.h"
#include "daemon/store/store.h"

#include <glib.h>

typedef enum
{
  CONFIG_ERROR_INVALID,  /* a value is out of range or does not fit the rest (422) */
  CONFIG_ERROR_CONFLICT, /* takes what another object has: an address, a place (409) */
  CONFIG_ERROR_INTERNAL,
} ConfigError;
#define CONFIG_ERROR (config_error_quark ())
GQuark config_error_quark (void);
/* The member that the error is about, as a path in the object ("port", "targets[0].url"), or NULL.
 */
const char *config_error_get_field (const GError *error);

typedef struct ConfigChange ConfigChange;

/* Reads and writes through tx; fills change->object_id, ->before and ->after (JSON, secrets masked;
 * taken). Errors of the store or of its own come out of config_change () as they are. Must not
 * begin a transaction. */
typedef bool (*ConfigApplyFunc) (StoreTx *tx, ConfigChange *change, void *data, GError **error);

struct ConfigChange
{
  ConfigApplyFunc apply;
  void *data;   /* (borrowed) */
  bool dry_run; /* all but the commit, the swap and what follows */

  /* the audit row */
  const char *principal, *address, *request_id, *action, *resource; /* (borrowed) (nullable) */

  /* set by apply; freed by config_change_clear () */
  int64_t object_id;
  char *before, *after; /* (owned) (nullable) */

  /* set by config_change (): sentences about what is allowed but perhaps not meant (owned)
   * (nullable) */
  char **warnings;
};

bool config_change (ConfigChange *change, GError **error);
/* A new key and certificate for the row's name, in the row. */
bool config_make_self_signed (StoreCertificate *row, GError **error);
/* Reads the files of certificates again that changed, makes those anew that end soon, and puts in
 * force what comes of it. */
bool config_refresh (GError **error);
void config_change_clear (ConfigChange *change);

/* The thread that calls config_refresh () when there is a reason. Main thread; after the last
 * observer was added. A kick makes it look at once; else it looks every look_ms. */
#define CONFIG_KEEPER_LOOK_MS 2000
void config_keeper_start (int64_t look_ms);
void config_keeper_kick (void);
void config_keeper_stop (void);

/* Builds the first snapshot. Before the first thread; a stored configuration that is not valid is
 * an error that names the object. store is borrowed until config_stop (). */
bool config_start (Store *store, GError **error);
void config_stop (void);

/* Told of each swap, under CONFIG_WRITE, in the order of registration: old is the snapshot before
 * (NULL never occurs: register after config_start ()). Must not call config_change (). Before the
 * first thread; there are at most eight. */
typedef void (*ConfigObserverFunc) (const Config *old, const Config *cfg, void *data);
void config_add_observer (ConfigObserverFunc func, void *data);
