"""The one room that knows Airflow: DAGs, the timetable, triggers, deadlines, starting runs.

Nothing is decided here. A task finds its period, opens the places it works on, calls one function
of the core and turns that function's errors into Airflow's words.
"""
