/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Makes the first administrator of a new server. What the server would refuse anyway is told while
 * typing. Main thread. */
#include "gui/setup-page.h"

#include <glib/gi18n.h>
#include <string.h>

#include "client/text.h"
#include "gui/busy-button.h"

enum
{
  USERNAME_MIN = 3,
  USERNAME_MAX = 64,
  PASSWORD_MIN = 12,
};

struct _P2pSetupPage
{
  AdwBin parent_instance;

  P2pConnector *connector; /* (owned) */
  P2pProfile *profile;     /* (owned) (nullable) the one that is shown */
  unsigned timer_id;

  GtkStack *pages; /* template children are borrowed */
  GtkLabel *explanation;
  GtkLabel *countdown;
  AdwPasswordEntryRow *token;
  AdwEntryRow *username;
  AdwPasswordEntryRow *password;
  AdwPasswordEntryRow *again;
  GtkLabel *hint;
  P2pBusyButton *submit;
  P2pBusyButton *retry;
};

G_DEFINE_FINAL_TYPE (P2pSetupPage, p2p_setup_page, ADW_TYPE_BIN)

static const char *
text_of (gpointer row)
{
  return gtk_editable_get_text (GTK_EDITABLE (row));
}

static bool
is_username (const char *text)
{
  size_t n = strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789_-");

  return text[n] == '\0' && n >= USERNAME_MIN && n <= USERNAME_MAX;
}

/* The first thing that is wrong or missing; *ret_row is where. NULL when the form can be sent. */
static const char *
find_fault (P2pSetupPage *self, GtkWidget **ret_row, bool *ret_typed)
{
  *ret_typed = true;
  *ret_row = GTK_WIDGET (self->username);
  if (*text_of (self->username) != '\0' && !is_username (text_of (self->username)))
    return _("User names have 3 to 64 characters: small letters a to z, digits, _ and -");
  *ret_row = GTK_WIDGET (self->password);
  if (*text_of (self->password) != '\0'
      && g_utf8_strlen (text_of (self->password), -1) < PASSWORD_MIN)
    return _("Passwords have at least 12 characters");
  *ret_row = GTK_WIDGET (self->again);
  if (*text_of (self->again) != '\0'
      && strcmp (text_of (self->password), text_of (self->again)) != 0)
    return _("The two passwords are not the same");

  *ret_typed = false;
  if (*text_of (self->token) == '\0')
    *ret_row = GTK_WIDGET (self->token);
  else if (*text_of (self->username) == '\0')
    *ret_row = GTK_WIDGET (self->username);
  else if (*text_of (self->password) == '\0')
    *ret_row = GTK_WIDGET (self->password);
  else if (*text_of (self->again) == '\0')
    *ret_row = GTK_WIDGET (self->again);
  else
    return NULL;
  return _ (
      "The setup token stands in a file on the server: sudo cat /var/lib/p2pstream/setup-token");
}

static void
show_hint (P2pSetupPage *self, const char *text, bool is_error)
{
  g_autofree char *shown = p2p_text_dup_shown (text);

  gtk_label_set_text (self->hint, shown);
  gtk_widget_set_css_classes (GTK_WIDGET (self->hint),
                              (const char *[]){ is_error ? "error" : "dim-label", NULL });
}

static void
edited_cb (P2pSetupPage *self)
{
  GtkWidget *rows[]
      = { GTK_WIDGET (self->username), GTK_WIDGET (self->password), GTK_WIDGET (self->again) };
  GtkWidget *row;
  bool typed;
  const char *fault = find_fault (self, &row, &typed);

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    if (fault != NULL && typed && rows[i] == row)
      gtk_widget_add_css_class (rows[i], "error");
    else
      gtk_widget_remove_css_class (rows[i], "error");
  show_hint (self, fault != NULL ? fault : "", typed);
  gtk_widget_set_sensitive (GTK_WIDGET (self->submit),
                            fault == NULL && !p2p_connector_get_busy (self->connector));
}

static void
submit_cb (P2pSetupPage *self)
{
  GtkWidget *row;
  bool typed;

  if (find_fault (self, &row, &typed) != NULL)
    gtk_widget_grab_focus (row);
  else if (!p2p_connector_get_busy (self->connector))
    p2p_connector_set_up (self->connector, text_of (self->token), text_of (self->username),
                          text_of (self->password));
}

static void
retry_cb (P2pSetupPage *self)
{
  p2p_connector_check_setup (self->connector);
}

static void
show_countdown (P2pSetupPage *self)
{
  int64_t over_at_us = p2p_connector_get_setup_over_at_us (self->connector);
  int64_t left_s = MAX (0, (over_at_us - g_get_monotonic_time ()) / G_USEC_PER_SEC);
  /* Translators: minutes:seconds */
  g_autofree char *text
      = g_strdup_printf (_ ("%d:%02d left"), (int) (left_s / 60), (int) (left_s % 60));

  gtk_label_set_text (self->countdown, text);
  gtk_stack_set_visible_child_name (self->pages, left_s > 0 ? "form" : "over");
}

static gboolean
second_cb (gpointer user_data)
{
  show_countdown (user_data);
  return G_SOURCE_CONTINUE;
}

static void
leave (P2pSetupPage *self)
{
  gpointer rows[] = { self->token, self->username, self->password, self->again };

  g_clear_handle_id (&self->timer_id, g_source_remove);
  g_clear_object (&self->profile);
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    gtk_editable_set_text (GTK_EDITABLE (rows[i]), "");
}

static void
show_profile (P2pSetupPage *self)
{
  P2pProfile *profile = p2p_connector_get_profile (self->connector);
  g_autofree char *name = p2p_address_dup_display (p2p_profile_get_address (profile));
  g_autofree char *text
      = g_strdup_printf (_ ("%s is new and has no administrator yet. Create the first one with the "
                            "token that the server wrote when it started."),
                         name);

  if (g_set_object (&self->profile, profile))
    gtk_label_set_text (self->explanation, text);
}

static void
connector_changed_cb (P2pSetupPage *self)
{
  const char *error = p2p_connector_get_error (self->connector);
  bool busy = p2p_connector_get_busy (self->connector);
  GtkWidget *row;
  bool typed;

  if (p2p_connector_get_state (self->connector) != P2P_CONNECTOR_SETUP)
    {
      leave (self);
      return;
    }
  show_profile (self);
  p2p_busy_button_set_busy (self->submit, busy);
  p2p_busy_button_set_busy (self->retry, busy);
  gtk_widget_set_sensitive (GTK_WIDGET (self->submit), !busy);
  if (busy)
    return;
  if (self->timer_id == 0)
    self->timer_id = g_timeout_add_seconds (1, second_cb, self);
  show_countdown (self);
  edited_cb (self);
  if (error != NULL)
    show_hint (self, error, true);
  else if (find_fault (self, &row, &typed) != NULL)
    gtk_widget_grab_focus (row);
}

static gboolean
p2p_setup_page_grab_focus (GtkWidget *widget)
{
  GtkWidget *row;
  bool typed;

  return find_fault (P2P_SETUP_PAGE (widget), &row, &typed) != NULL && gtk_widget_grab_focus (row);
}

static void
p2p_setup_page_dispose (GObject *object)
{
  P2pSetupPage *self = P2P_SETUP_PAGE (object);

  g_clear_handle_id (&self->timer_id, g_source_remove);
  gtk_widget_dispose_template (GTK_WIDGET (self), P2P_TYPE_SETUP_PAGE);
  g_clear_object (&self->connector);
  g_clear_object (&self->profile);
  G_OBJECT_CLASS (p2p_setup_page_parent_class)->dispose (object);
}

static void
p2p_setup_page_class_init (P2pSetupPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  g_type_ensure (P2P_TYPE_BUSY_BUTTON);
  G_OBJECT_CLASS (klass)->dispose = p2p_setup_page_dispose;
  widget_class->grab_focus = p2p_setup_page_grab_focus;
  gtk_widget_class_set_template_from_resource (widget_class, "/org/p2pstream/Admin/setup-page.ui");
  gtk_widget_class_bind_template_child (widget_class, P2pSetupPage, pages);
  gtk_widget_class_bind_template_child (widget_class, P2pSetupPage, explanation);
  gtk_widget_class_bind_template_child (widget_class, P2pSetupPage, countdown);
  gtk_widget_class_bind_template_child (widget_class, P2pSetupPage, token);
  gtk_widget_class_bind_template_child (widget_class, P2pSetupPage, username);
  gtk_widget_class_bind_template_child (widget_class, P2pSetupPage, password);
  gtk_widget_class_bind_template_child (widget_class, P2pSetupPage, again);
  gtk_widget_class_bind_template_child (widget_class, P2pSetupPage, hint);
  gtk_widget_class_bind_template_child (widget_class, P2pSetupPage, submit);
  gtk_widget_class_bind_template_child (widget_class, P2pSetupPage, retry);
  gtk_widget_class_bind_template_callback (widget_class, submit_cb);
  gtk_widget_class_bind_template_callback (widget_class, retry_cb);
  gtk_widget_class_bind_template_callback (widget_class, edited_cb);
}

static void
p2p_setup_page_init (P2pSetupPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

P2pSetupPage *
p2p_setup_page_new (P2pConnector *connector)
{
  P2pSetupPage *self = g_object_new (P2P_TYPE_SETUP_PAGE, NULL);

  self->connector = g_object_ref (connector);
  g_signal_connect_object (connector, "changed", G_CALLBACK (connector_changed_cb), self,
                           G_CONNECT_SWAPPED);
  return self;
}
