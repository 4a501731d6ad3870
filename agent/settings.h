/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The agent's settings as a struct, one member for each row of settings.inc. Loaded by main ()
 * before the first thread is started, constant until the last one is joined. */
#pragma once

#include "lib/settings.h"

typedef struct
{
#define SETTING(type, name, member, ...) P2P_SETTING_MEMBER_##type member;
#include "agent/settings.inc"
#undef SETTING
} AgentSettings;

/* P2P_SETTINGS_GO: settings is filled, agent_settings_clear () frees it. */
P2pSettingsOutcome agent_settings_load (AgentSettings *settings,
                                        int argc,
                                        char **argv,
                                        char **environ_,
                                        GError **error);
void agent_settings_clear (AgentSettings *settings);

/* The rows themselves, for tests. */
extern const P2pSettingsTable agent_settings_table;
