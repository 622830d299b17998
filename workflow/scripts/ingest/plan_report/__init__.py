"""plan_report: what a run would do, row by row, for people; nothing is done to find out."""
