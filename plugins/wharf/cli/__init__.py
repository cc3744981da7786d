"""The command line: the same functions as the DAGs, without Airflow. Nothing is decided here."""
