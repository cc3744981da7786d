{# The key of the period that is being built, as text. #}
{% macro period() -%} memory.main.wharf_period() {%- endmacro %}
