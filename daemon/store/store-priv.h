/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the files of the store share. A StoreConn is one SQLite connection with its cached
 * statements, used by one thread at a time: the writer under Store.write_lock, a reader by whoever
 * took it from the free list. */
#pragma once

#include "daemon/store/store.h"
#include "lib/lock.h"

#include <sqlite3.h>

#define STORE_READERS_MAX 16
#define STORE_BUSY_TIMEOUT_MS 5000

typedef struct StoreConn
{
  sqlite3 *db;            /* (owned) */
  GHashTable *statements; /* (owned) SQL literal -> sqlite3_stmt, by the literal's address */
  struct StoreConn *next; /* (lock: Store.pool_lock) in the free list */
} StoreConn;

struct Store
{
  char *path;        /* (owned) of the database */
  char *instance_id; /* (owned) */
  int lock_fd;       /* (owned) holds the directory's flock */

  P2pMutex write_lock;
  StoreConn *writer; /* (owned) (lock: write_lock) */

  P2pMutex pool_lock;
  pthread_cond_t reader_free;
  StoreConn *readers; /* (owned) (lock: pool_lock) free ones */
  unsigned n_readers; /* (lock: pool_lock) open ones, free or lent */
};

struct StoreTx
{
  Store *store;    /* (borrowed) */
  StoreConn *conn; /* (borrowed: store) */
  bool write;
  bool open;     /* begun, neither committed nor rolled back */
  char *damaged; /* (owned) (nullable) the first value read that no writer of ours makes */
};

typedef struct
{
  unsigned version;
  const char *name;
  const char *sql;
} StoreMigration;

extern const StoreMigration store_migrations[];
extern const unsigned store_n_migrations;

/* error.c */
void store_set_error (GError **error, StoreError code, const char *field, const char *format, ...)
    G_GNUC_PRINTF (4, 5);
void store_set_not_found (GError **error, const char *what, int64_t id); /* id 0: not by id */
/* From the connection's last failure; object starts the sentence: "listener 'web'". */
void store_set_sqlite_error (GError **error, sqlite3 *db, const char *object);

/* db.c */
StoreConn *store_conn_open (const char *path, bool writer, GError **error);
void store_conn_close (StoreConn *conn);

/* migrate.c: brings the file of db from whatever version it has to the last of migrations. */
bool store_migrate (sqlite3 *db,
                    const char *path,
                    const StoreMigration *migrations,
                    unsigned n_migrations,
                    GError **error);
/* As store_open (), with another list of migrations. */
Store *store_open_with (const char *dir,
                        const StoreMigration *migrations,
                        unsigned n_migrations,
                        GError **error);

/* query.c */
typedef sqlite3_stmt StoreStmt;
void store_stmt_end (StoreStmt *stmt);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreStmt, store_stmt_end)

/* The cached statement with $1, $2, ... bound: types has one letter each, i int64_t, t const char *
 * (NULL is null), h const uint8_t * of STORE_HASH_SIZE bytes. sql must be a literal. */
StoreStmt *store_query (StoreTx *tx, GError **error, const char *sql, const char *types, ...);

typedef enum
{
  STORE_STEP_ERROR = -1,
  STORE_STEP_DONE = 0,
  STORE_STEP_ROW = 1,
} StoreStep;
StoreStep store_step (StoreTx *tx, StoreStmt *stmt, const char *object, GError **error);
/* To its end; takes stmt, which may be NULL with error set. */
bool store_run (StoreTx *tx, StoreStmt *stmt, const char *object, GError **error);
/* Its one value; takes stmt. fallback when there is no row. */
bool store_run_int (StoreTx *tx,
                    StoreStmt *stmt,
                    const char *object,
                    int64_t fallback,
                    int64_t *ret_value,
                    GError **error);

typedef void *(*StoreReadFunc) (StoreTx *tx, StoreStmt *stmt);
/* Take stmt, which may be NULL with error set. what: "listener", for the sentence; id: 0 when it
 * was looked for by something else. */
void *store_read_one (StoreTx *tx,
                      StoreStmt *stmt,
                      StoreReadFunc read,
                      GDestroyNotify free_func,
                      const char *what,
                      int64_t id,
                      GError **error);
GPtrArray *store_read_all (StoreTx *tx,
                           StoreStmt *stmt,
                           StoreReadFunc read,
                           GDestroyNotify free_func,
                           const char *what,
                           GError **error);
int64_t store_limit (unsigned limit);

char *store_column_text (StoreStmt *stmt, int column); /* "" for null */
char *store_column_text_or_null (StoreStmt *stmt, int column);
void store_column_hash (StoreTx *tx, StoreStmt *stmt, int column, uint8_t *ret_hash);
int store_column_word (StoreTx *tx, StoreStmt *stmt, int column, const char *const *words);
GPtrArray *store_column_pairs (StoreTx *tx, StoreStmt *stmt, int column);
char **store_column_strings (StoreTx *tx, StoreStmt *stmt, int column);

/* The outcome of an UPDATE or DELETE ... RETURNING version that names id and version: takes
 * changed, and tells a missing object from a stale version by current ("SELECT version FROM ...
 * WHERE id = $1", may be NULL where there are no versions). */
bool store_finish_versioned (StoreTx *tx,
                             StoreStmt *changed,
                             const char *current,
                             const char *what,
                             const char *name,
                             int64_t id,
                             int64_t if_version,
                             int64_t *ret_version,
                             GError **error);

/* pairs.c: as JSON texts, [["name","value"],...] and ["text",...] */
char *store_pairs_to_json (const GPtrArray *pairs);
GPtrArray *store_pairs_from_json (const char *json); /* NULL when it is none */
char *store_strings_to_json (char *const *strings);
char **store_strings_from_json (const char *json);

/* targets.c */
bool store_targets_write (StoreTx *tx, StoreRoute *route, GError **error);
GPtrArray *store_targets_read (StoreTx *tx, int64_t route_id, GError **error);
