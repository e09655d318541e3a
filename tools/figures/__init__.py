"""What the commands of all papers' figures share: settings, kept results, tables, drawing, claims."""
