/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Log: lines go through a bounded queue to one thread; when it is full, lines below warning are
 * dropped and counted. Any thread; never blocks on the output. Never log tokens, cookies, bodies or
 * keys. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum
{
  P2P_LOG_ERROR,
  P2P_LOG_WARNING,
  P2P_LOG_INFO,
  P2P_LOG_DEBUG,
} P2pLogLevel;

typedef enum
{
  P2P_LOG_HUMAN,   /* time level message key=value ...; with "<N>" priorities under journald */
  P2P_LOG_JSON,    /* one object a line */
} P2pLogForm;

/* Starts the thread; lines go to standard error. Before it, and after p2p_log_stop (), lines are
 * written at once. Also takes over GLib's own log. */
void p2p_log_start (P2pLogLevel level, P2pLogForm form);
/* Writes what is queued, joins the thread. */
void p2p_log_stop (void);

bool p2p_log_enabled (P2pLogLevel level);

/* area: static, one word ("proxy"). Control characters and bidi controls in the text come out as
 * escapes. The extra arguments after the format's are none; use p2p_log_fields () for key and value
 * pairs. */
void p2p_log (P2pLogLevel level, const char *area, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

/* Pairs of const char *, ended by NULL: p2p_log_fields (P2P_LOG_INFO, "daemon", "ready",
 * "management", url, NULL). */
void p2p_log_fields (P2pLogLevel level, const char *area, const char *message, ...)
    G_GNUC_NULL_TERMINATED;

uint64_t p2p_log_dropped (void);
