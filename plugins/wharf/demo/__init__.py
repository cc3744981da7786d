"""Demo: a world of suppliers made by us, receivers for the messages, and the processes around.

Nothing here is needed outside the demo: it writes files where suppliers would, listens where
people would, and talks to Airflow by subprocess and REST only. Judging what comes out is one
comparison of rows; the rooms below do the work as they do it for anyone.
"""
