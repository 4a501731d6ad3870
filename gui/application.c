/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The program: its actions, its one window, the command line. An address given on the command line
 * is connected to at once. Main thread. */
#include "gui/application.h"

#include <glib/gi18n.h>

#include "client/address.h"
#include "gui/window.h"

#define APP_ID "org.p2pstream.Admin"

struct _P2pApplication
{
  AdwApplication parent_instance;
};

G_DEFINE_FINAL_TYPE (P2pApplication, p2p_application, ADW_TYPE_APPLICATION)

static void
about_activated (G_GNUC_UNUSED GSimpleAction *action,
                 G_GNUC_UNUSED GVariant *parameter,
                 gpointer user_data)
{
  static const char *const developers[] = { "The p2pstream developers", NULL };

  adw_show_about_window (gtk_application_get_active_window (user_data),
                         "application-name", _("p2pstream Admin"),
                         "application-icon", APP_ID,
                         "version", PACKAGE_VERSION,
                         "comments", _("Publish services that stand behind NAT"),
                         "developer-name", "The p2pstream developers",
                         "developers", developers,
                         /* Translators: your names, one a line */
                         "translator-credits", _("translator-credits"),
                         "license-type", GTK_LICENSE_GPL_3_0,
                         NULL);
}

static void
quit_activated (G_GNUC_UNUSED GSimpleAction *action,
                G_GNUC_UNUSED GVariant *parameter,
                gpointer user_data)
{
  GtkWindow *window = gtk_application_get_active_window (user_data);

  if (window != NULL)
    gtk_window_close (window); /* keeps its size */
  g_application_quit (user_data);
}

static const GActionEntry actions[] = {
  { .name = "about", .activate = about_activated },
  { .name = "quit", .activate = quit_activated },
};

static P2pWindow *
present_window (P2pApplication *self)
{
  GtkWindow *window = gtk_application_get_active_window (GTK_APPLICATION (self));

  if (!P2P_IS_WINDOW (window))
    window = GTK_WINDOW (p2p_window_new (GTK_APPLICATION (self)));
  gtk_window_present (window);
  return P2P_WINDOW (window);
}

static void
p2p_application_activate (GApplication *app)
{
  present_window (P2P_APPLICATION (app));
}

static int
p2p_application_command_line (GApplication *app, GApplicationCommandLine *command_line)
{
  GVariantDict *options = g_application_command_line_get_options_dict (command_line);
  g_autofree const char **words = NULL;
  g_autoptr (P2pAddress) address = NULL;
  g_autoptr (GError) error = NULL;

  if (g_variant_dict_lookup (options, G_OPTION_REMAINING, "^a&s", &words) && words[0] != NULL)
    {
      address = p2p_address_parse (words[0], &error);
      if (address == NULL)
        {
          g_application_command_line_printerr (command_line, "p2pstream-admin: %s\n",
                                               error->message);
          return 2;
        }
    }
  p2p_window_connect (present_window (P2P_APPLICATION (app)), address);
  return 0;
}

static void
p2p_application_startup (GApplication *app)
{
  static const struct
  {
    const char *action;
    const char *accels[3];
  } accels[] = {
    { "app.quit", { "<Control>q" } },
    { "window.close", { "<Control>w" } },
    { "win.refresh", { "F5", "<Control>r" } },
    { "win.search", { "<Control>f" } },
    { "win.show-section(0)", { "<Alt>1" } },
    { "win.show-section(1)", { "<Alt>2" } },
    { "win.show-section(2)", { "<Alt>3" } },
    { "win.back", { "<Alt>Left" } },
    { "win.disconnect", { "<Control>d" } },
  };

  G_APPLICATION_CLASS (p2p_application_parent_class)->startup (app);
  g_action_map_add_action_entries (G_ACTION_MAP (app), actions, G_N_ELEMENTS (actions), app);
  for (size_t i = 0; i < G_N_ELEMENTS (accels); i++)
    gtk_application_set_accels_for_action (GTK_APPLICATION (app), accels[i].action,
                                           accels[i].accels);
}

static void
p2p_application_class_init (P2pApplicationClass *klass)
{
  GApplicationClass *app_class = G_APPLICATION_CLASS (klass);

  app_class->activate = p2p_application_activate;
  app_class->command_line = p2p_application_command_line;
  app_class->startup = p2p_application_startup;
}

static void
p2p_application_init (P2pApplication *self)
{
  static const GOptionEntry options[] = {
    { .long_name = G_OPTION_REMAINING,
      .arg = G_OPTION_ARG_STRING_ARRAY,
      .arg_description = N_ ("[ADDRESS]") },
    G_OPTION_ENTRY_NULL,
  };

  g_application_add_main_option_entries (G_APPLICATION (self), options);
  g_application_set_option_context_summary (
      G_APPLICATION (self), _ ("Manages p2pstream servers. ADDRESS is the server to connect to."));
}

P2pApplication *
p2p_application_new (void)
{
  return g_object_new (P2P_TYPE_APPLICATION,
                       "application-id", APP_ID,
                       "resource-base-path", "/org/p2pstream/Admin",
                       "flags", G_APPLICATION_HANDLES_COMMAND_LINE,
                       NULL);
}
