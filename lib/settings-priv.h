/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the files of the settings module share: the texts of all settings before they become values,
 * with the place where each was found. One thread. */
#pragma once

#include "lib/settings.h"

/* A name in the environment that begins so is meant for us, though no setting does. */
#define P2P_SETTINGS_PREFIX "P2PSTREAM_"

typedef struct
{
  char *text;   /* (owned) (nullable: not set there) */
  char *origin; /* (owned) (nullable) "/etc/x.conf:12: MANAGEMENT_PORT", for messages */
} P2pSettingText;

/* -1 when there is none of that name. */
int p2p_settings_find (const P2pSettingsTable *table, const char *name, size_t n);

/* Levenshtein's distance, where two swapped neighbours count as one change. */
unsigned p2p_settings_distance (const char *a, const char *b);

/* The setting whose name takes the fewest changes of a letter to become name. */
const P2pSetting *
p2p_settings_nearest (const P2pSettingsTable *table, const char *name, unsigned *ret_distance);

/* Sets an error of P2P_SETTINGS_ERROR_UNKNOWN; where is put in front and may be "". name is in the
 * spelling of kind: "setting" (MANAGEMENT_PORT) or "option" (--management-port). */
void p2p_settings_unknown (const P2pSettingsTable *table,
                           const char *where,
                           const char *kind,
                           const char *name,
                           GError **error);

/* --management-port of MANAGEMENT_PORT, and back without the "--"; g_free (). */
char *p2p_settings_flag (const char *name);
char *p2p_settings_name (const char *flag, size_t n);

/* texts has a row for each setting of the table. */
bool p2p_settings_read_file (const P2pSettingsTable *table,
                             const char *path,
                             P2pSettingText *texts,
                             GError **error);

/* Makes a value of the text and stores it at setting->offset in values. */
bool p2p_setting_store (const P2pSetting *setting,
                        const char *origin,
                        const char *text,
                        void *values,
                        GError **error);
void p2p_setting_release (const P2pSetting *setting, void *values);

char *p2p_settings_to_help (const P2pSettingsTable *table);
