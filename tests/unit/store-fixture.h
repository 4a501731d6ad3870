/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A store in a directory of its own, for the tests of it. */
#pragma once

#include "daemon/store/store-priv.h"

typedef struct
{
  char *dir;    /* (owned) */
  Store *store; /* (owned) */
} StoreFixture;

/* For g_test_add (). */
void store_fixture_init (StoreFixture *fixture, const void *data);
void store_fixture_done (StoreFixture *fixture, const void *data);

/* The directory with its files. */
void store_fixture_remove_dir (const char *dir);

void store_fixture_set (char **field, const char *value);
StoreTx *store_fixture_begin_write (StoreFixture *fixture);
/* Ends it as well. */
void store_fixture_commit (StoreTx *tx);
/* The id; 0 with an error. */
int64_t store_fixture_insert_listener (StoreTx *tx, const char *name, GError **error);
