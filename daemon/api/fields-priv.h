/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What fields.c (members and tables), fields-value.c (values by type) and fields-list.c (lists)
 * share. */
#pragma once

#include "daemon/api/fields.h"

typedef struct
{
  ApiApply how;
  ApiFieldErrors *unknown; /* (borrowed) */
  ApiFieldErrors *errors;  /* (borrowed) */
} ApiApplying;

#define API_MEMBER(type, row, field) (*(type *) ((char *) (row) + (field)->offset))

/* Puts the JSON value (never null) into the row, or adds to the errors. */
void api_value_set (ApiApplying *applying,
                    const ApiField *field,
                    void *row,
                    JsonNode *node,
                    const char *path);
/* Puts the default there. */
void api_value_reset (const ApiField *field, void *row, const void *defaults);
/* NULL for what stands nowhere. */
JsonNode *api_value_print (const ApiField *field, const void *row, unsigned position);

void api_members_apply (ApiApplying *applying,
                        const ApiSchema *schema,
                        void *row,
                        const void *defaults,
                        JsonObject *body,
                        const char *path);
JsonObject *api_members_print (const ApiSchema *schema, const void *row, unsigned position);

/* For API_TEXTS, API_MAP, API_PAIRS and API_ROWS. */
void api_values_set (ApiApplying *applying,
                   const ApiField *field,
                   void *row,
                   JsonNode *node,
                   const char *path);
JsonNode *api_values_print (const ApiField *field, const void *row);

/* The text of a node that holds one, or NULL. */
const char *api_value_text (JsonNode *node);
/* NULL, or which characters are not welcome (static). lines: line breaks and tabs are. */
const char *api_check_characters (const char *text, bool lines);
